import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** What Kafka's own consumer reads, to compare with. */
final class ReadCommands {
  private final String bootstrap;

  ReadCommands(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  void addTo(Map<String, KafkaHelper.Command> commands) {
    commands.put("read", this::read);
  }

  /** Reads from an offset to the end as it is when it starts, or until `maxRecords`. */
  private JsonNode read(JsonNode args) {
    TopicPartition partition = TopicCommands.partition(args);
    int maxRecords = args.path("maxRecords").asInt(Integer.MAX_VALUE);
    String isolation = args.path("isolation").asText("uncommitted");
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", bootstrap,
            "isolation.level", "read_" + isolation,
            "fetch.max.wait.ms", 50,
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false);
    var deserializer = new ByteArrayDeserializer();
    ArrayNode records = KafkaHelper.JSON.createArrayNode();
    try (var consumer = new KafkaConsumer<>(settings, deserializer, deserializer)) {
      consumer.assign(List.of(partition));
      consumer.seek(partition, args.path("fromOffset").asLong(0));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      while (records.size() < maxRecords && consumer.position(partition) < end) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
          if (records.size() < maxRecords) records.add(RecordJson.format(record));
        }
      }
    }
    return records;
  }
}
