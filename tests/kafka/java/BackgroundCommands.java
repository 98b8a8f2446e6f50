import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Producers that go on until they are told to stop. */
final class BackgroundCommands {
  private final String bootstrap;
  private final Map<String, Background> running = new ConcurrentHashMap<>();

  BackgroundCommands(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  void addTo(Map<String, KafkaHelper.Command> commands) {
    commands.put("startProducing", this::start);
    commands.put("stopProducing", this::stop);
  }

  private JsonNode start(JsonNode args) {
    var background = new Background(bootstrap, args);
    running.put(args.get("id").asText(), background);
    background.thread.start();
    return NullNode.instance;
  }

  private JsonNode stop(JsonNode args) throws Exception {
    Background background = running.remove(args.get("id").asText());
    background.stopping = true;
    background.thread.join();
    return background.report();
  }

  private static final class Background {
    final Thread thread = new Thread(this::run);
    final Acknowledged acknowledged = new Acknowledged();
    volatile boolean stopping;
    private final String bootstrap;
    private final JsonNode args;
    private long next;
    private RuntimeException failure;

    Background(String bootstrap, JsonNode args) {
      this.bootstrap = bootstrap;
      this.args = args;
      next = args.path("startNumber").asLong(0);
      thread.setDaemon(true);
    }

    private void run() {
      String topic = args.get("topic").asText();
      var value = new NumberedValue(args.path("valueBytes").asInt(100));
      var pace = new Pace(args.path("ratePerSecond").asDouble(1_000));
      try (var producer = Producers.create(bootstrap, args)) {
        int partitions = producer.partitionsFor(topic).size();
        for (long i = 0; !stopping; i++) {
          int partition = args.hasNonNull("partition") ? args.get("partition").asInt()
              : (int) (next % partitions);
          producer.send(new ProducerRecord<>(topic, partition, null, value.of(next)), acknowledged);
          next++;
          pace.await(i + 1);
        }
      } catch (RuntimeException error) {
        failure = error;
      }
    }

    ObjectNode report() throws Exception {
      if (failure != null) throw failure;
      ObjectNode report = acknowledged.report();
      return report.put("lastNumber", next - 1);
    }
  }
}
