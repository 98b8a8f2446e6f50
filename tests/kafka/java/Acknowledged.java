import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.TreeMap;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.RecordMetadata;

/** Counts what a producer was told was written, by partition. */
final class Acknowledged implements Callback {
  private final TreeMap<Integer, Span> spans = new TreeMap<>();
  private long count;
  private Exception failure;

  private static final class Span {
    long first = Long.MAX_VALUE;
    long last = -1;
    long count;
  }

  @Override
  public synchronized void onCompletion(RecordMetadata metadata, Exception error) {
    if (error != null) {
      if (failure == null) failure = error;
      return;
    }
    count++;
    Span span = spans.computeIfAbsent(metadata.partition(), partition -> new Span());
    span.count++;
    span.first = Math.min(span.first, metadata.offset());
    span.last = Math.max(span.last, metadata.offset());
  }

  synchronized long count() {
    return count;
  }

  /** The count and the first and last offset of each partition; throws when a record failed. */
  synchronized ObjectNode report() throws Exception {
    if (failure != null) throw failure;
    ObjectNode report = KafkaHelper.JSON.createObjectNode().put("count", count);
    ArrayNode partitions = report.putArray("partitions");
    spans.forEach(
        (partition, span) ->
            partitions
                .addObject()
                .put("partition", partition)
                .put("count", span.count)
                .put("firstOffset", span.first)
                .put("lastOffset", span.last));
    return report;
  }
}
