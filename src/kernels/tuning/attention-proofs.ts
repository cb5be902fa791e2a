/**
 * The self-test of attention's kernels, each with its constants at the end of the first await after its first use: a kernel takes seconds to compile on a
 * software driver, so that none is which nobody uses. What is read by then is not handed over where the kernel that made it computes wrongly.
 */
import { GpuError } from "../../errors.js";
import type { Gpu } from "../../gpu/index.js";
import type { AttentionVariant } from "../attention-variant.js";
import * as shaders from "../shaders.gen.js";
import { type AttentionTokens, type AttentionUse, describeUse, watchAttention } from "./attention-uses.js";
import { type MarksOf, readMarks, writeMarks } from "./marks.js";
import { provesAttention } from "./prove-attention.js";
import { hash } from "./tuning-file.js";

const KERNELS = [
  ...[shaders.attention_stream, shaders.attention_short, shaders.attention_lane, shaders.attention],
  ...[shaders.attention_stream_grad, shaders.attention_short_grad, shaders.attention_grad_lane, shaders.attention_grad],
];

let marksOf: MarksOf | undefined;
const attentionMarks = (): MarksOf =>
  (marksOf ??= {
    kind: "attention",
    format: "secateur attention proofs 1",
    kernels: hash(KERNELS.map(({ code }) => code).join("\n")),
  });

/** From now on kernels of attention are tested as they are used; the portable one takes the place of those that an earlier process found to compute wrongly. */
export async function proveAttention(gpu: Gpu): Promise<void> {
  const marks = await readMarks(gpu, attentionMarks(), ["passed", "refused"]);
  const refused = marks.refused as Set<AttentionVariant>;
  if (refused.size > 0) {
    const names = [...refused].join(", ");
    console.warn(
      `secateur: attention's kernels ${names} compute wrongly on ${gpu.info.description}; attention is left to row`,
    );
  }
  const asked = new Set(marks.passed);
  const ask = (key: string, use: AttentionUse, tokens: AttentionTokens): void =>
    gpu.proveAtNextAwait(async (read) => {
      const [{ variant }] = use.kernels;
      if (refused.has(variant)) return; // by another use of it
      const passed = await provesAttention(gpu, use, read).catch((error) => {
        ask(key, use, tokens); // a fault of something else, which says nothing of the kernel
        throw error;
      });
      if (passed) marks.passed.add(key);
      else if (variant !== "row") refused.add(variant);
      else ask(key, use, tokens); // nothing replaces it
      await writeMarks(gpu, attentionMarks(), marks);
      if (!passed) refuse(gpu, variant, describeUse(use.task, tokens));
    });
  const used = (use: AttentionUse, tokens: AttentionTokens): void => {
    const key = JSON.stringify(use);
    if (asked.has(key)) return;
    asked.add(key);
    ask(key, use, tokens);
  };
  watchAttention(gpu, { refused, used });
}

/** What was recorded keeps the wrong kernel; where that is the portable one, every await is told. */
function refuse(gpu: Gpu, variant: AttentionVariant, use: string): never {
  const problem = `attention (${use}): expected right values, got wrong values from kernel ${variant} on ${gpu.info.description}`;
  if (variant === "row") throw new GpuError(`${problem}; use another adapter`);
  gpu.refuseRecordings(
    `recording: expected one made after attention's kernel ${variant} computed wrongly on ${gpu.info.description}, got one made before; record it again`,
  );
  throw new GpuError(
    `${problem}; throw away what this Gpu has computed, then go on with it: compute again from the inputs, and record again; attention is now left to kernel row`,
  );
}
