/** A bench's figures as files: written anew with each row, so that an interrupted run keeps what it has. */
import { renderBench } from "../../bench/page.js";
import { type BenchResult, resultToJson } from "../../bench/result.js";
import { UsageError } from "../errors.js";
import { checkWritableFile, writeFileAtomic } from "../io/node/index.js";

export interface ResultFiles {
  readonly json: string;
  readonly page: string;
  write(result: BenchResult): Promise<void>;
}

/** @throws UsageError when the path is no JSON file or cannot be written. */
export async function openResultFiles(json: string): Promise<ResultFiles> {
  if (!json.endsWith(".json")) {
    throw new UsageError(`out: expected the path of a .json file, got ${json}; a page is written beside it`);
  }
  const page = json.replace(/\.json$/, ".html");
  for (const path of [json, page]) await checkWritableFile(path);
  return {
    json,
    page,
    write: async (result) => {
      await writeFileAtomic(json, resultToJson(result));
      await writeFileAtomic(page, renderBench(result));
    },
  };
}
