import type { SaslMechanism, Settings } from "./settings.ts";

/** How the proxy and the brokers prove to each other who they are; files are PEM or text. */
export interface KafkaSecurity {
  /** Absent: plain text. */
  readonly tls?: {
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
  };
  /** Absent: the brokers do not ask. */
  readonly sasl?: {
    readonly mechanism: SaslMechanism;
    readonly user?: string;
    readonly password?: string;
    readonly passwordFile?: string;
    readonly tokenFile?: string;
  };
}

/** Those of the settings that are about it. */
export function kafkaSecurity(settings: Settings): KafkaSecurity {
  const { kafkaTls, kafkaSasl, kafkaCa, kafkaCert, kafkaKey } = settings;
  return {
    ...(kafkaTls === "on" && {
      tls: { caFile: kafkaCa, certFile: kafkaCert, keyFile: kafkaKey },
    }),
    ...(kafkaSasl !== undefined && {
      sasl: {
        mechanism: kafkaSasl,
        user: settings.kafkaUser,
        password: settings.kafkaPassword,
        passwordFile: settings.kafkaPasswordFile,
        tokenFile: settings.kafkaOauthTokenFile,
      },
    }),
  };
}
