import java.util.concurrent.locks.LockSupport;

/** Keeps to a number of records a second, from the first on; 0 is as fast as it goes. */
final class Pace {
  private final double perSecond;
  private final long startNanos = System.nanoTime();

  Pace(double perSecond) {
    this.perSecond = perSecond;
  }

  /** Waits until it is the turn of record `index`. */
  void await(long index) {
    if (perSecond <= 0) return;
    long due = startNanos + (long) (index / perSecond * 1e9);
    for (long left; (left = due - System.nanoTime()) > 0; ) LockSupport.parkNanos(left);
  }
}
