import { SCENARIOS } from "./scenarios.ts";

Object.assign(globalThis, { SCENARIOS });
