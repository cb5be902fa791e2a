// @ts-check
/**
 * UPop over two modalities (Shi et al., ICML 2023): a small CLIP of MNIST images and the words "zero" ... "nine", its units ranked over both towers at
 * once, beside the same part of each tower. Prints accuracy, told by the nearest word, and what is kept of attention and MLPs of both.
 *
 * `node examples/two-towers.js 8 1` trains eight times as long as a test does, from seed 1.
 */
import { backward, Gpu, Tensor, withoutHistory } from "secateur";
import { parseClipConfig } from "secateur/io";
import { contrastiveLoss, initialClipWeights, packTexts, TwoTower } from "secateur/nn";
import { compactTwoTower, UPopSearch } from "secateur/prune";
import { map, reshape, takeToken } from "secateur/tensor";
import { ADAMW_DEFAULTS, AdamW, cosineRate } from "secateur/train";
import { openMnist } from "./digits.js";

const [SCALE, SEED] = [Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 1)];
const STEPS = { train: 120 * SCALE, search: 60 * SCALE, retrain: 60 * SCALE };
const SPARSITY = 0.7;
/** Images of each digit in a batch. A batch is so many times ten pairs, each of another word. */
const EACH = 2;
const WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** Letters are tokens 1 to 26; 0 ends a text. */
const tokens = WORDS.map((word) => [...Array.from(word, (letter) => letter.charCodeAt(0) - 96), 0]);
const config = parseClipConfig(
  {
    architecture: "clip",
    projection_dim: 32,
    vision: { img_size: 28, patch_size: 7, in_chans: 1, embed_dim: 48, depth: 2, num_heads: 3 },
    text: { vocab_size: 27, context: 6, embed_dim: 48, depth: 2, num_heads: 3 },
  },
  "two-towers",
);

const gpu = await Gpu.create();
const { train, test } = await openMnist(config.vision, 1000);
const ofDigit = WORDS.map((_, digit) => [...train.labels.keys()].filter((index) => train.labels[index] === digit));
const packed = packTexts(tokens, config.text);
const texts = { ids: Tensor.from(gpu, packed.ids, [10, config.text.context]), ends: Tensor.from(gpu, packed.ends) };
const unseen = Tensor.from(gpu, await test.read([...test.labels.keys()]), [test.length, 1, 28, 28]);
const images = Tensor.zeros(gpu, [10 * EACH, 1, 28, 28]);
const order = Tensor.from(gpu, Uint32Array.from(WORDS.keys()));

/** The mean contrastive loss of EACH sets of ten pairs. @param {TwoTower} towers */
function lossOf(towers) {
  const points = reshape(towers.encodeImages(images), [10, EACH, config.projectionDim]);
  const words = towers.encodeTexts(texts);
  const losses = Array.from({ length: EACH }, (_, set) => {
    return contrastiveLoss(takeToken(points, set), words, towers.logScale, order);
  });
  return losses.reduce((a, b) => map(`a + ${1 / EACH} * b`, { a, b }, { a: "1.0", b: `${1 / EACH}` }), zero);
}
const zero = Tensor.zeros(gpu, [1]);

/**
 * Trains with AdamW for a number of steps. Searches see the gradients of gates, and update them.
 * @param {string} what - for the line of progress
 * @param {TwoTower} towers
 * @param {number} steps
 * @param {number} peak - of the learning rate
 * @param {UPopSearch[]} searches
 */
async function trainTowers(what, towers, steps, peak, searches = []) {
  const optimizer = new AdamW(gpu, towers.parameters, { ...ADAMW_DEFAULTS, weightDecay: 0.01 });
  const schedule = { peak, final: peak / 100, warmupSteps: Math.round(steps / 20), totalSteps: steps };
  const step = gpu.record(() => {
    const loss = lossOf(towers);
    const gradients = backward(loss);
    for (const search of searches) search.accumulate(gradients);
    optimizer.update(gradients);
    towers.clampScale();
    return loss;
  });
  const start = performance.now();
  for (let index = 0; index < steps; index++) {
    const chosen = ofDigit.flatMap((of) => Array.from({ length: EACH }, (_, i) => of[(index * EACH + i) % of.length]));
    images.write(await train.read(chosen));
    optimizer.prepare(index, cosineRate(schedule, index));
    step.replay();
    const [loss] = await step.result.read();
    for (const search of searches) await search.afterStep(index);
    const left = Math.ceil((((performance.now() - start) / (index + 1)) * (steps - index - 1)) / 1000);
    if (process.stderr.isTTY) process.stderr.write(`\r${what}: loss ${loss.toFixed(3)}, ${left} s left   `);
  }
  if (process.stderr.isTTY) process.stderr.write("\n");
  step.release();
  optimizer.release();
}

/** The part of the test images whose nearest word is right. @param {TwoTower} towers */
async function accuracy(towers) {
  const found = withoutHistory(() => towers.similarity(towers.encodeImages(unseen), towers.encodeTexts(texts)));
  const scores = await found.read();
  gpu.release(found);
  const right = test.labels.filter((label, row) => {
    const ofWords = scores.subarray(10 * row, 10 * row + 10);
    return ofWords.indexOf(Math.max(...ofWords)) === label;
  });
  return `${((100 * right.length) / test.length).toFixed(1)}%`;
}

/** @param {number} part */
const percent = (part) => `${Math.round(100 * part)}%`;

/**
 * Searches fresh copies of trained towers, retrains what is left, and cuts it out.
 * @param {string} ranking
 * @param {ReadonlyMap<string, import("secateur/io").FloatTensor>} weights
 * @param {(key: string) => string} rankedWith - gates of one name are ranked together
 */
async function prune(ranking, weights, rankedWith) {
  const towers = new TwoTower(gpu, config, weights);
  const groups = [...towers.unitGroups("headDim"), ...towers.unitGroups("neuron")];
  const gates = groups.map(({ name: key, units, members }) => {
    const values = Tensor.from(gpu, new Float32Array(units).fill(1));
    towers.gates.set(key.replace(/neuron$/, "hidden"), values);
    // What a unit costs is the parameters that go with it.
    const cost = members.reduce((sum, { parameter }) => sum + towers.parameters.get(parameter).size / units, 0);
    return { key, kind: key.endsWith("neuron") ? "mlp" : "attn", values, cost };
  });
  const rankings = [...new Set(gates.map(({ key }) => rankedWith(key)))];
  const settings = { sparsity: SPARSITY, totalSteps: STEPS.search, interval: Math.round(STEPS.search / 15) };
  const searches = rankings.map((name) => {
    const ranked = gates.filter(({ key }) => rankedWith(key) === name);
    return new UPopSearch(ranked, settings);
  });
  await trainTowers(`${ranking} search`, towers, STEPS.search, 5e-4, searches);
  const kept = new Map(searches.flatMap((search) => [...search.final.kept]));
  const before = await accuracy(towers);
  for (const { values } of gates) values.requiresGradient = false;
  await trainTowers(`${ranking} retraining`, towers, STEPS.retrain, 5e-4);

  const cut = compactTwoTower({ config, weights: await towers.parameters.read() }, kept);
  const compact = new TwoTower(gpu, cut.config, cut.weights);
  const shares = ["visual.*headDim", "visual.*neuron", "text.*headDim", "text.*neuron"].map((pattern) => {
    const masks = [...kept].flatMap(([key, keep]) => (new RegExp(pattern).test(key) ? [...keep] : []));
    return percent(masks.filter((keep) => keep).length / masks.length);
  });
  const [seen, read, said, meant] = shares;
  console.log(
    `${ranking}: ${before} before and ${await accuracy(towers)} after retraining, compact ${await accuracy(compact)}`,
  );
  console.log(`  kept of image attention ${seen}, image MLPs ${read}, text attention ${said}, text MLPs ${meant}`);
  console.log(`  ${compact.parameters.count} of ${towers.parameters.count} parameters`);
  for (const model of [towers, compact]) model.release();
}

const dense = new TwoTower(gpu, config, initialClipWeights(config, SEED));
await trainTowers("dense", dense, STEPS.train, 2e-3);
console.log(`dense: ${await accuracy(dense)}`);
const trained = await dense.parameters.read();
await prune("unified", trained, () => "both");
await prune("separate", trained, (key) => key.split(".")[0]);
gpu.destroy();
