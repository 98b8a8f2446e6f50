import type { Command } from "./command.ts";
import { CONFIG } from "./config_command.ts";
import { SERVE } from "./serve.ts";

/** Every command; the first one runs where none is named. */
export const COMMANDS: readonly Command[] = [SERVE, CONFIG];
