import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;

/** Records sent and acknowledged within one command. */
final class ProduceCommands {
  private final String bootstrap;

  ProduceCommands(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  void addTo(Map<String, KafkaHelper.Command> commands) {
    commands.put("produce", this::produce);
    commands.put("send", this::send);
    commands.put("bigBatch", this::bigBatch);
  }

  private JsonNode send(JsonNode args) throws Exception {
    try (var producer = Producers.create(bootstrap, args)) {
      return RecordJson.send(producer, args.get("records"));
    }
  }

  private JsonNode produce(JsonNode args) throws Exception {
    String topic = args.get("topic").asText();
    long count = args.get("count").asLong();
    long startNumber = args.path("startNumber").asLong(0);
    boolean keyed = args.path("keyed").asBoolean(false);
    List<Header> headers = RecordJson.headers(args.get("headers"));
    JsonNode timestamps = args.get("timestamps");
    var value = new NumberedValue(args.path("valueBytes").asInt(100));
    var pace = new Pace(args.path("ratePerSecond").asDouble(0));
    var acknowledged = new Acknowledged();
    try (var producer = Producers.create(bootstrap, args)) {
      int partitions = producer.partitionsFor(topic).size();
      for (long i = 0; i < count; i++) {
        long number = startNumber + i;
        Integer partition = args.hasNonNull("partition") ? (Integer) args.get("partition").asInt()
            : keyed ? null
            : (Integer) (int) (number % partitions);
        Long timestamp = timestamps == null ? null
            : (Long) (timestamps.get("startMs").asLong() + i * timestamps.get("stepMs").asLong());
        byte[] key = keyed ? Long.toString(number).getBytes() : null;
        pace.await(i);
        producer.send(
            new ProducerRecord<>(topic, partition, timestamp, key, value.of(number), headers),
            acknowledged);
      }
      producer.flush();
    }
    return acknowledged.report();
  }

  /** Nothing is sent before the flush, since the batch is never full and lingers for an hour. */
  private JsonNode bigBatch(JsonNode args) throws Exception {
    String topic = args.get("topic").asText();
    int partition = args.path("partition").asInt(0);
    int count = args.get("count").asInt();
    boolean numbered = args.hasNonNull("valueBytes");
    var value = numbered ? new NumberedValue(args.get("valueBytes").asInt()) : null;
    byte[] same = args.path("value").asText("x").getBytes("UTF-8");
    int recordBytes = 32 + (numbered ? args.get("valueBytes").asInt() : same.length);
    Map<String, Object> oneBatch =
        Map.of(
            "linger.ms", 3_600_000,
            "batch.size", Math.max(1 << 20, Math.multiplyExact(recordBytes, count)),
            "buffer.memory", 2L * Math.max(1 << 20, Math.multiplyExact(recordBytes, count)),
            "delivery.timeout.ms", 3_700_000);
    var acknowledged = new Acknowledged();
    try (var producer = Producers.create(bootstrap, args, oneBatch)) {
      for (int i = 0; i < count; i++) {
        byte[] bytes = numbered ? value.of(i) : same;
        producer.send(new ProducerRecord<>(topic, partition, null, bytes), acknowledged);
      }
      producer.flush();
    }
    return acknowledged.report();
  }
}
