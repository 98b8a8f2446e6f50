import type { GivenValue } from "./given_value.ts";
import {
  ENVIRONMENT_NAMES,
  SETTING_KEYS,
  type SettingKey,
  SETTINGS_TABLE,
} from "./settings_table.ts";
import { didYouMean } from "./suggest.ts";

/** What the environment said. */
export interface Environment {
  /** Values by setting. */
  readonly given: ReadonlyMap<SettingKey, GivenValue>;
  /** Names that do not exist. */
  readonly problems: readonly string[];
}

const PREFIX = "KAFKA_PROXY_";

/** Variables of the commands that talk to a server, which whoever runs both has set. */
const CLIENT_NAMES = ["KAFKA_PROXY_URL", "KAFKA_PROXY_TOKEN"];

/** Begins the variables of the tests' launcher, which a developer may have set for good. */
const TEST_PREFIX = "KAFKA_PROXY_TEST_";

/**
 * Reads the variables whose names begin with `KAFKA_PROXY_`; unknown ones are problems.
 *
 * Kubernetes describes every service to every pod in variables named after the service. A service
 * called `kafka-proxy` gives `KAFKA_PROXY_PORT=tcp://10.0.0.1:9999` and others; they are passed over.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const given = new Map<SettingKey, GivenValue>();
  const problems: string[] = [];
  for (const key of SETTING_KEYS) {
    const source = SETTINGS_TABLE[key].env;
    const text = env[source];
    if (text !== undefined && !isServiceLink(source, text)) {
      given.set(key, { source, origin: "environment", texts: [text] });
    }
  }
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || name.startsWith(TEST_PREFIX) || text === undefined) continue;
    if (CLIENT_NAMES.includes(name)) continue;
    if (ENVIRONMENT_NAMES.includes(name) || isServiceLink(name, text)) continue;
    problems.push(
      `${name} is not a setting${didYouMean(name, ENVIRONMENT_NAMES)}; --help shows all`,
    );
  }
  return { given, problems };
}

/** Source: kubernetes.io, "Accessing the Service: Environment Variables". */
function isServiceLink(name: string, text: string): boolean {
  return /_SERVICE_(HOST|PORT(_\w+)?)$/.test(name) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(text));
}
