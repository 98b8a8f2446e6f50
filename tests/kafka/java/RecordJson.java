import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** Records as JSON: bytes as base64, absent and null are null. */
final class RecordJson {
  static ProducerRecord<byte[], byte[]> parse(JsonNode json) {
    return new ProducerRecord<>(
        json.get("topic").asText(),
        json.hasNonNull("partition") ? json.get("partition").asInt() : null,
        json.hasNonNull("timestampMs") ? json.get("timestampMs").asLong() : null,
        bytes(json.get("key")),
        bytes(json.get("value")),
        headers(json.get("headers")));
  }

  /** Pairs of name and base64 (or null), in their order. */
  static List<Header> headers(JsonNode json) {
    List<Header> headers = new ArrayList<>();
    if (json == null || json.isNull()) return headers;
    for (JsonNode pair : json) {
      headers.add(new RecordHeader(pair.get(0).asText(), bytes(pair.get(1))));
    }
    return headers;
  }

  static ObjectNode format(ConsumerRecord<byte[], byte[]> record) {
    ObjectNode json = KafkaHelper.JSON.createObjectNode();
    json.put("partition", record.partition()).put("offset", record.offset());
    json.put("timestampMs", record.timestamp());
    json.put("key", text(record.key())).put("value", text(record.value()));
    ArrayNode headers = json.putArray("headers");
    for (Header header : record.headers()) {
      headers.addArray().add(header.key()).add(text(header.value()));
    }
    return json;
  }

  /** Sends all of "records" and gives where each went, in their order. */
  static ArrayNode send(Producer<byte[], byte[]> producer, JsonNode records) throws Exception {
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (JsonNode record : records) sent.add(producer.send(parse(record)));
    producer.flush();
    ArrayNode places = KafkaHelper.JSON.createArrayNode();
    for (Future<RecordMetadata> future : sent) {
      RecordMetadata metadata = future.get();
      places
          .addObject()
          .put("topic", metadata.topic())
          .put("partition", metadata.partition())
          .put("offset", metadata.offset());
    }
    return places;
  }

  private static byte[] bytes(JsonNode json) {
    return json == null || json.isNull() ? null : Base64.getDecoder().decode(json.asText());
  }

  private static String text(byte[] bytes) {
    return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
  }

  private RecordJson() {}
}
