import { join } from "node:path";
import { TestAuthority } from "../support/certificates.ts";
import type { NodeAddress, Properties } from "./broker_properties.ts";
import { freePorts } from "./free_ports.ts";
import { KafkaCluster } from "./kafka_cluster.ts";
import { KafkaHelper } from "./kafka_helper.ts";

/** How a secured cluster differs from the usual one. */
export interface SecuredKafkaOptions {
  /** Users of the mechanism PLAIN with their passwords. */
  readonly plainUsers?: Readonly<Record<string, string>>;
  /** Clients have to show a certificate. @default {false} */
  readonly clientCertificates?: boolean;
  /** An authentication has to be renewed before so long, in ms. */
  readonly reauthenticateMs?: number;
}

const JAAS = "org.apache.kafka.common.security";

/**
 * Apache Kafka with TLS, SASL (PLAIN, SCRAM, OAUTHBEARER with unsigned tokens) and access control
 * lists: nobody may do anything that is not allowed.
 *
 * The launcher's own listener stays open, and whoever comes by it may do everything: the helper,
 * and nobody else, uses it.
 */
export class SecuredKafka implements AsyncDisposable {
  readonly kafka: KafkaCluster;
  readonly helper: KafkaHelper;
  /** Of the brokers' certificates. */
  readonly authority: TestAuthority;
  /** `localhost:PORT` of the listener with TLS and SASL. */
  readonly secured: string;
  /** For files of the test's own; gone after dispose. */
  readonly folder: string;

  private constructor(
    parts: Pick<SecuredKafka, "kafka" | "helper" | "authority" | "secured" | "folder">,
  ) {
    this.kafka = parts.kafka;
    this.helper = parts.helper;
    this.authority = parts.authority;
    this.secured = parts.secured;
    this.folder = parts.folder;
  }

  /** Starts one node. */
  static async start(options: SecuredKafkaOptions = {}): Promise<SecuredKafka> {
    const started = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-secured-" });
    started.defer(() => Deno.remove(folder, { recursive: true }));
    try {
      const authority = new TestAuthority("tests of kafka-proxy");
      const { cert, key } = authority.issue({ name: "broker" });
      await Deno.writeTextFile(join(folder, "broker.pem"), key + cert);
      await Deno.writeTextFile(join(folder, "ca.pem"), authority.cert);
      const [port] = freePorts(1);
      const properties = (node: NodeAddress) => securedProperties(node, port, folder, options);
      const kafka = started.use(await KafkaCluster.start({ properties }));
      const helper = started.use(await KafkaHelper.start(kafka.bootstrap, kafka));
      const parts = { kafka, helper, authority, secured: `localhost:${port}`, folder };
      const secured = new SecuredKafka(parts);
      secured.#started = started;
      return secured;
    } catch (error) {
      await started.disposeAsync();
      throw error;
    }
  }

  #started: AsyncDisposableStack | undefined;

  /** Path of the file with the certificate to trust. */
  get caFile(): string {
    return join(this.folder, "ca.pem");
  }

  /** Writes a file into the test's folder, at once as a whole, and gives its path. */
  async write(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await Deno.writeTextFile(`${path}.new`, text);
    await Deno.rename(`${path}.new`, path);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started?.disposeAsync();
  }
}

/** One for all tests of a file: started by the first that asks, gone after the last. */
export function shareSecuredKafka(options: SecuredKafkaOptions = {}): () => Promise<SecuredKafka> {
  let shared: Promise<SecuredKafka> | undefined;
  Deno.test.afterAll(async () => await (await shared)?.[Symbol.asyncDispose]());
  return () => shared ??= SecuredKafka.start(options);
}

function securedProperties(
  node: NodeAddress,
  port: number,
  folder: string,
  { plainUsers = {}, clientCertificates = false, reauthenticateMs }: SecuredKafkaOptions,
): Properties {
  const users = Object.entries(plainUsers).map(([name, password]) => ` user_${name}="${password}"`);
  const open = `PLAINTEXT://127.0.0.1:${node.port}`;
  return {
    "listeners":
      `${open},SASL_SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    "advertised.listeners": `${open},SASL_SSL://localhost:${port}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": join(folder, "broker.pem"),
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": join(folder, "ca.pem"),
    // The listener's own: Kafka passes the general one over where SASL is (KIP-684).
    "listener.name.sasl_ssl.ssl.client.auth": clientCertificates ? "required" : "none",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    "listener.name.sasl_ssl.plain.sasl.jaas.config": `${JAAS}.plain.PlainLoginModule required${
      users.join("")
    };`,
    "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config":
      `${JAAS}.scram.ScramLoginModule required;`,
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config":
      `${JAAS}.scram.ScramLoginModule required;`,
    "listener.name.sasl_ssl.oauthbearer.sasl.jaas.config":
      `${JAAS}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    ...(reauthenticateMs !== undefined && { "connections.max.reauth.ms": reauthenticateMs }),
  };
}
