import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DeleteRecordsOptions;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.errors.TimeoutException;

/** Topics: create, change, delete, describe, move leaders. */
final class TopicCommands {
  private static final int LEADER_TIMEOUT_MS = 3_000;
  private final Admin admin;

  TopicCommands(String bootstrap) {
    admin = Admin.create(Map.of("bootstrap.servers", bootstrap, "request.timeout.ms", 10_000));
  }

  void addTo(Map<String, KafkaHelper.Command> commands) {
    commands.put("createTopic", this::create);
    commands.put("deleteTopic", this::delete);
    commands.put("addPartitions", this::addPartitions);
    commands.put("alterTopicConfig", this::alterConfig);
    commands.put("deleteRecords", this::deleteRecords);
    commands.put("describeTopic", this::describe);
    commands.put("moveLeader", this::moveLeader);
    commands.put("controller", this::controller);
    commands.put("listOffsets", this::listOffsets);
  }

  private JsonNode create(JsonNode args) throws Exception {
    String name = args.get("topic").asText();
    NewTopic topic;
    if (args.hasNonNull("replicaAssignment")) {
      Map<Integer, List<Integer>> assignment = new HashMap<>();
      for (JsonNode replicas : args.get("replicaAssignment")) {
        assignment.put(assignment.size(), integers(replicas));
      }
      topic = new NewTopic(name, assignment);
    } else {
      int partitions = args.path("partitions").asInt(1);
      // Empty: the default of the broker, which is 3 or as many as there are nodes.
      Optional<Short> copies =
          Optional.ofNullable(args.get("replicationFactor")).map(json -> (short) json.asInt());
      topic = new NewTopic(name, Optional.of(partitions), copies);
    }
    admin.createTopics(List.of(topic.configs(strings(args.path("configs"))))).all().get();
    return NullNode.instance;
  }

  private JsonNode delete(JsonNode args) throws Exception {
    admin.deleteTopics(List.of(args.get("topic").asText())).all().get();
    return NullNode.instance;
  }

  private JsonNode addPartitions(JsonNode args) throws Exception {
    var total = NewPartitions.increaseTo(args.get("total").asInt());
    admin.createPartitions(Map.of(args.get("topic").asText(), total)).all().get();
    return NullNode.instance;
  }

  private JsonNode alterConfig(JsonNode args) throws Exception {
    List<AlterConfigOp> changes = new ArrayList<>();
    strings(args.get("configs")).forEach(
        (name, value) ->
            changes.add(
                new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET)));
    var topic = new ConfigResource(ConfigResource.Type.TOPIC, args.get("topic").asText());
    admin.incrementalAlterConfigs(Map.of(topic, changes)).all().get();
    return NullNode.instance;
  }

  private JsonNode deleteRecords(JsonNode args) throws Exception {
    var before = RecordsToDelete.beforeOffset(args.get("beforeOffset").asLong());
    var request = Map.of(partition(args), before);
    var options = new DeleteRecordsOptions().timeoutMs(LEADER_TIMEOUT_MS);
    retrying(() -> admin.deleteRecords(request, options).all().get());
    return NullNode.instance;
  }

  private JsonNode describe(JsonNode args) throws Exception {
    ArrayNode partitions = KafkaHelper.JSON.createArrayNode();
    for (TopicPartitionInfo info : description(args.get("topic").asText()).partitions()) {
      ObjectNode json = partitions.addObject().put("partition", info.partition());
      // A Node without an id is how the client shows that there is no leader.
      if (info.leader() != null && !info.leader().isEmpty()) json.put("leader", info.leader().id());
      addIds(json.putArray("replicas"), info.replicas());
      addIds(json.putArray("isr"), info.isr());
    }
    return partitions;
  }

  /** Puts the node first among the replicas, then has the first (preferred) one elected. */
  private JsonNode controller(JsonNode args) throws Exception {
    int id = admin.describeMetadataQuorum().quorumInfo().get().leaderId();
    return IntNode.valueOf(id);
  }

  private JsonNode moveLeader(JsonNode args) throws Exception {
    TopicPartition partition = partition(args);
    int toNode = args.get("toNode").asInt();
    List<Integer> replicas = new ArrayList<>(List.of(toNode));
    var topic = description(partition.topic());
    List<Node> before = topic.partitions().get(partition.partition()).replicas();
    for (Node node : before) {
      if (node.id() != toNode && replicas.size() < before.size()) replicas.add(node.id());
    }
    var reassignment = Optional.of(new NewPartitionReassignment(replicas));
    admin.alterPartitionReassignments(Map.of(partition, reassignment)).all().get();
    while (!admin.listPartitionReassignments(Set.of(partition)).reassignments().get().isEmpty()) {
      Thread.sleep(20);
    }
    admin
        .electLeaders(ElectionType.PREFERRED, Set.of(partition))
        .partitions()
        .get()
        .get(partition)
        .filter(error -> !(error instanceof ElectionNotNeededException))
        .ifPresent(
            error -> {
              throw new IllegalStateException(error.toString());
            });
    return NullNode.instance;
  }

  private JsonNode listOffsets(JsonNode args) throws Exception {
    TopicPartition partition = partition(args);
    return KafkaHelper.JSON
        .createObjectNode()
        .put("earliest", offset(partition, OffsetSpec.earliest()))
        .put("latest", offset(partition, OffsetSpec.latest()));
  }

  private long offset(TopicPartition partition, OffsetSpec spec) throws Exception {
    var options = new ListOffsetsOptions().timeoutMs(LEADER_TIMEOUT_MS);
    var request = Map.of(partition, spec);
    return retrying(
        () -> admin.listOffsets(request, options).partitionResult(partition).get().offset());
  }

  /**
   * What goes to the leader of a partition: a client that was told of one that is dead by now
   * (seen with 3.9.2) waits for it, and asks again who leads only in a new call.
   */
  private static <T> T retrying(Callable<T> call) throws Exception {
    for (int attempt = 1; ; attempt++) {
      try {
        return call.call();
      } catch (ExecutionException error) {
        if (attempt == 10 || !(error.getCause() instanceof TimeoutException)) throw error;
      }
    }
  }

  private TopicDescription description(String topic) throws Exception {
    return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
  }

  static TopicPartition partition(JsonNode args) {
    return new TopicPartition(args.get("topic").asText(), args.get("partition").asInt());
  }

  private static void addIds(ArrayNode json, List<Node> nodes) {
    for (Node node : nodes) json.add(node.id());
  }

  private static List<Integer> integers(JsonNode json) {
    List<Integer> values = new ArrayList<>();
    for (JsonNode value : json) values.add(value.asInt());
    return values;
  }

  private static Map<String, String> strings(JsonNode json) {
    Map<String, String> values = new HashMap<>();
    json.fields().forEachRemaining(field -> values.put(field.getKey(), field.getValue().asText()));
    return values;
  }
}
