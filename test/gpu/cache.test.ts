/** Texts that outlive the process: files in Node, IndexedDB in browsers. */
import { expect, test } from "vitest";
import { platform } from "#platform";
import { inOwnCache } from "../harness/cache.js";

test("a text is kept under its name and replaced whole", async () => {
  await inOwnCache(async () => {
    expect(await platform.readCache("test.txt")).toBeUndefined();
    await platform.writeCache("test.txt", "first, and long");
    await platform.writeCache("test.txt", "second");
    expect(await platform.readCache("test.txt")).toBe("second");
    expect(await platform.readCache("other.txt")).toBeUndefined();
    expect(platform.cachePlace("test.txt")).toMatch(/secateur.*test\.txt$|^test\.txt in IndexedDB secateur$/);
  });
});
