import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A real consumer in a group: it keeps polling in a thread of its own until told to leave. */
final class GroupMember implements ConsumerRebalanceListener {
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final String topic;
  private final boolean commits;
  private final ArrayNode runs;
  private final CompletableFuture<JsonNode> joined = new CompletableFuture<>();
  private final Thread thread = new Thread(this::run);
  private volatile boolean leaving;
  private long received;

  GroupMember(String bootstrap, JsonNode args) {
    topic = args.get("topic").asText();
    commits = args.path("commits").asBoolean(false);
    runs = args.path("keepRuns").asBoolean(false) ? KafkaHelper.JSON.createArrayNode() : null;
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("group.id", args.get("group").asText());
    settings.put("client.id", args.path("clientId").asText(args.get("id").asText()));
    settings.put("session.timeout.ms", args.path("sessionTimeoutMs").asInt(10_000));
    settings.put("heartbeat.interval.ms", args.path("heartbeatMs").asInt(500));
    settings.put("enable.auto.commit", false);
    settings.put("auto.offset.reset", "earliest");
    var deserializer = new ByteArrayDeserializer();
    consumer = new KafkaConsumer<>(settings, deserializer, deserializer);
    thread.setDaemon(true);
    thread.start();
  }

  /** Waits for the first assignment. */
  JsonNode joined() throws Exception {
    return joined.get();
  }

  /** Leaves the group, and says how many records it was given, and which if it was to keep that. */
  JsonNode leave() throws Exception {
    leaving = true;
    consumer.wakeup();
    thread.join();
    ObjectNode json = KafkaHelper.JSON.createObjectNode().put("received", received);
    if (runs != null) json.set("runs", runs);
    return json;
  }

  private void run() {
    try (consumer) {
      consumer.subscribe(List.of(topic), this);
      while (!leaving) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
        received += records.count();
        if (runs != null) records.forEach(this::keep);
        if (commits) consumer.commitSync();
      }
    } catch (WakeupException error) {
      // leave() asked for it.
    } catch (RuntimeException error) {
      joined.completeExceptionally(error);
      throw error;
    }
  }

  /** Records that follow right on another of the same partition make one run. */
  private void keep(ConsumerRecord<byte[], byte[]> record) {
    for (int i = runs.size() - 1; i >= 0; i--) {
      ObjectNode run = (ObjectNode) runs.get(i);
      if (run.get("partition").asInt() != record.partition()) continue;
      if (run.get("lastOffset").asLong() + 1 != record.offset()) break;
      run.put("lastOffset", record.offset());
      return;
    }
    runs.addObject()
        .put("partition", record.partition())
        .put("firstOffset", record.offset())
        .put("lastOffset", record.offset());
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
    ObjectNode json = KafkaHelper.JSON.createObjectNode();
    json.put("memberId", consumer.groupMetadata().memberId());
    ArrayNode array = json.putArray("partitions");
    for (TopicPartition partition : partitions) GroupCommands.addPartition(array, partition);
    joined.complete(json);
  }

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}
}
