/** A cache of its own for a test, which neither reads nor leaves anything in the user's. */

/** In Node a folder in the system's temporary folder; browsers of tests start with an empty profile, and the database is deleted afterwards. */
export async function inOwnCache(use: () => Promise<void>): Promise<void> {
  const env = globalThis.process?.env as Record<string, string | undefined> | undefined;
  if (typeof indexedDB === "undefined" && env) {
    const [{ mkdtemp, rm }, { tmpdir }] = await Promise.all([import("node:fs/promises"), import("node:os")]);
    const folder = await mkdtemp(`${tmpdir()}/secateur-cache-`);
    const before = env.XDG_CACHE_HOME;
    env.XDG_CACHE_HOME = folder;
    try {
      await use();
    } finally {
      if (before === undefined) delete env.XDG_CACHE_HOME;
      else env.XDG_CACHE_HOME = before;
      await rm(folder, { recursive: true });
    }
    return;
  }
  try {
    await use();
  } finally {
    await new Promise((resolve) => {
      const request = indexedDB.deleteDatabase("secateur");
      request.onsuccess = resolve;
      request.onerror = resolve;
    });
  }
}
