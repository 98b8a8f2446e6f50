import { poll } from "./api.js";
import { Series } from "./chart.js";

/** What the charts show, gathered for as long as the page is open. */
export class Figures {
  series = {
    sent: new Series(),
    produced: new Series(),
    lag: new Series(),
    sockets: new Series(),
    delay: new Series(),
    buffered: new Series(),
  };
  #last;
  #watchers = new Set();

  constructor(signal) {
    poll("/api/figures", 1_000, (figures) => this.#take(figures), signal);
  }

  /** Calls back at each new figure until `signal`. */
  watch(show, signal) {
    this.#watchers.add(show);
    signal.addEventListener("abort", () => this.#watchers.delete(show));
    show();
  }

  #take(figures) {
    const { series } = this;
    const last = this.#last;
    const isSame = last !== undefined && figures?.startedMs === last.startedMs;
    const seconds = isSame ? (figures.timestampMs - last.timestampMs) / 1_000 : 0;
    const rate = (name) => seconds > 0 ? (figures[name] - last[name]) / seconds : undefined;
    series.sent.add(rate("sentRecordsTotal"));
    series.produced.add(rate("producedRecordsTotal"));
    series.lag.add(figures && Number(figures.lag));
    series.sockets.add(figures?.sockets);
    series.delay.add(figures?.eventLoopDelayMs.p99);
    series.buffered.add(figures?.bufferedBytes);
    this.#last = figures;
    for (const show of this.#watchers) show();
  }
}
