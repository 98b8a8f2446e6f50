/**
 * A server in a program of one's own. Run it with
 * `deno run -P=server samples/server.ts [HOST:PORT of Kafka] [port to listen on]`.
 *
 * @module
 */
import { KafkaProxy } from "../src/mod.ts";

const [kafka = "localhost:9092/", wsPort = "9999"] = Deno.args;

const kafkaProxy = new KafkaProxy({
  wsPort: Number(wsPort),
  kafka,
});

const { port } = await kafkaProxy.listen();
console.log(`Listening on ws://127.0.0.1:${port}/`);

Deno.addSignalListener("SIGINT", async () => {
  await kafkaProxy.close();
  Deno.exit();
});
