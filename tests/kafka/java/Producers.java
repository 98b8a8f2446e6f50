import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Makes producers with the options that commands have in common. */
final class Producers {
  private static final int LARGEST_REQUEST_BYTES = 512 * 1024 * 1024;

  static KafkaProducer<byte[], byte[]> create(String bootstrap, JsonNode args) {
    return create(bootstrap, args, Map.of());
  }

  static KafkaProducer<byte[], byte[]> create(
      String bootstrap, JsonNode args, Map<String, Object> more) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("max.request.size", LARGEST_REQUEST_BYTES);
    settings.put("buffer.memory", 128L * 1024 * 1024);
    settings.put("metadata.max.age.ms", 5_000);
    settings.put("compression.type", args.path("compression").asText("none"));
    settings.put("batch.size", args.path("batchBytes").asInt(16_384));
    settings.put("linger.ms", args.path("lingerMs").asInt(5));
    settings.put("acks", args.path("acks").asText("all"));
    settings.put("enable.idempotence", args.path("idempotent").asBoolean(true));
    settings.putAll(more);
    var serializer = new ByteArraySerializer();
    return new KafkaProducer<>(settings, serializer, serializer);
  }

  private Producers() {}
}
