/** Files beside the checkout that tests use where they are present: goldens and real data. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../shared/", import.meta.url));

/** Absolute path of `../shared/<relative>`. */
export const sharedPath = (relative: string): string => `${root}${relative}`;

/** A reason to skip when a shared file is absent, else undefined. */
export const missing = (relative: string): string | undefined =>
  existsSync(sharedPath(relative)) ? undefined : `../shared/${relative} is absent`;
