/** Rows of the kernels' test cases. */
import type { Gpu, GpuBuffer } from "../src/gpu/index.js";
import { storageBytes } from "../src/kernels/elements.js";
import { type Arrays, type HostArray, inFloat16, type KernelCase } from "../test/harness/kernel-case.js";
import { benchCases } from "./cases.gen.js";
import { type Family, familyOf } from "./families.js";
import { type NamedBuffers, prepareOver } from "./named-buffers.js";
import { BeyondDevice, type Row, tooLarge } from "./row.js";

/** Cases for the bench: those marked so, and of kernels that have none such, the one with the most work. Cases that count no work are for tests only. */
export function kernelRows(filter: RegExp | undefined): Row[] {
  return Object.entries<readonly KernelCase[]>(benchCases).flatMap(([file, cases]) => {
    const work = ({ bytes = 0, flops = 0 }: KernelCase) => bytes + flops;
    const matching = cases.filter((test) => work(test) > 0 && (!filter || filter.test(test.name)));
    const marked = matching.filter(({ benchOnly }) => benchOnly);
    const chosen = marked.length > 0 ? marked : matching.sort((a, b) => work(b) - work(a)).slice(0, 1);
    return chosen.flatMap((test) => rowsOf(test, familyOf(file)));
  });
}

/** A case as it is and, of kernels that take f16, in f16: what that moves depends on which operands are. */
function rowsOf(test: KernelCase, family: Family): Row[] {
  const row = kernelRow(test, family);
  if (!test.float16) return [row];
  return [row, { ...kernelRow(inFloat16(test), family), bytes: undefined, full: true }];
}

export const kernelRow = (test: KernelCase, family: Family): Row => ({
  name: test.name,
  family,
  flops: test.flops,
  bytes: test.bytes,
  needs: test.needs,
  prepare: (gpu) => prepareOver(gpu, (buffers) => fillCase(gpu, test, buffers)),
});

const wordsOf = ({ length, type }: KernelCase["outputs"][string]): number =>
  storageBytes(length, type === "f16" ? "f16" : "f32") / 4;

const bytesOf = (data: HostArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A NaN as a float, and no count that a kernel writes. */
const POISON_WORD = 0x7fc00bad;

function fillCase(gpu: Gpu, test: KernelCase, buffers: NamedBuffers) {
  const inputs = test.inputs();
  const given = Object.values(inputs).map(({ byteLength }) => byteLength);
  const made = Object.values(test.outputs).map((output) => 4 * wordsOf(output));
  const reason = tooLarge([...given, ...made], gpu);
  if (reason !== undefined) throw new BeyondDevice(reason);
  for (const [name, data] of Object.entries(inputs)) gpu.upload(buffers.add(name, data.byteLength), bytesOf(data));
  for (const [name, output] of Object.entries(test.outputs)) {
    if (inputs[name] !== undefined) continue;
    const words = new Uint32Array(wordsOf(output)).fill(POISON_WORD);
    gpu.upload(buffers.add(name, words.byteLength), words);
  }
  return {
    record: () => test.run(gpu, buffers.all, "f32"),
    check: () => checkWritten(gpu, test, buffers.all, inputs),
  };
}

/** Every word of an output must have lost its poison; of an output that is also an input, some word must have changed. */
async function checkWritten(
  gpu: Gpu,
  test: KernelCase,
  buffers: Readonly<Record<string, GpuBuffer>>,
  inputs: Arrays,
): Promise<void> {
  for (const [name, output] of Object.entries(test.outputs)) {
    const words = (await gpu.read(buffers[name], Uint32Array)).subarray(0, wordsOf(output));
    const before = inputs[name] && bytesOf(inputs[name]);
    const after = bytesOf(words);
    const at = before ? (after.some((byte, i) => byte !== before[i]) ? -1 : 0) : words.indexOf(POISON_WORD);
    if (at >= 0) {
      throw new Error(`${test.name}: expected output ${name} to be written, got what was there at word ${at}`);
    }
  }
}
