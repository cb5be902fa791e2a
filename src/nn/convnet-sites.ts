/** Prunable layers, unit groups and gate places of a convolutional network, from its layout. */
import { type ConvNetLayout, type ConvNorm, convolutions } from "../io/convnet-layout.js";
import type { GateShape } from "./gates.js";
import type { PrunableLayer, UnitGroup } from "./sites.js";

/**
 * The first convolution is one as the others: unlike a patch embedding, which pruning leaves alone, pruning papers count and prune it.
 */
export function convNetLayers(layout: ConvNetLayout, classes: number): PrunableLayer[] {
  const layers = convolutions(layout).map(
    ({ conv, channels, inputs, kernel, bias, size }): PrunableLayer => ({
      name: conv,
      kind: "conv",
      out: channels,
      in: inputs * kernel ** 2,
      hasBias: bias,
      applications: size ** 2,
    }),
  );
  const classifier = { kind: "classifier", out: classes, hasBias: true, applications: 1 } as const;
  return [...layers, { name: "fc", in: layout.features.channels, ...classifier }];
}

/** Where the ReLU behind a convolution is: the gate's place too where its channels can go. */
export const neuronPlace = ({ conv }: ConvNorm): string => `${conv}.neuron`;

/** Where the ReLU of channels that a residual stream holds is. */
export const reluPlace = (name: string): string => `${name}.relu`;

/** A convolution that a single layer reads, so that its channels can go, and that layer. */
interface Link {
  readonly from: ConvNorm;
  readonly reader: string;
  /** Weights of the reader for one pair of channels. */
  readonly area: number;
}

function links({ stages }: ConvNetLayout): Link[] {
  const readBy = (from: ConvNorm, reader: ConvNorm | undefined): Link =>
    reader ? { from, reader: reader.conv, area: reader.kernel ** 2 } : { from, reader: "fc", area: 1 };
  const chain = stages.flatMap((stage) => (stage.kind === "conv" && !stage.residual ? [stage.conv] : []));
  const branches = stages.flatMap((stage) => (stage.kind === "block" ? [stage.branch] : []));
  return [
    ...chain.map((conv, index) => readBy(conv, chain[index + 1])),
    ...branches.flatMap((branch) => branch.slice(1).map((conv, index) => readBy(branch[index], conv))),
  ];
}

/** A channel: its filter, its bias, what its batch norm scales and adds, and its part of every filter of the next layer. */
export const convNetNeuronUnits = (layout: ConvNetLayout): UnitGroup[] =>
  links(layout).map(({ from, reader, area }) => {
    const { conv, norm, channels: units, inputs, kernel, bias } = from;
    const each = (parameter: string) => ({ parameter, inner: 1, period: units });
    return {
      name: neuronPlace(from),
      units,
      members: [
        { parameter: `${conv}.weight`, inner: inputs * kernel ** 2, period: units },
        ...(bias ? [each(`${conv}.bias`)] : []),
        each(`${norm}.weight`),
        each(`${norm}.bias`),
        { parameter: `${reader}.weight`, inner: area, period: units },
      ],
    };
  });

export const convNetGatePlaces = (layout: ConvNetLayout): Map<string, GateShape> =>
  new Map(links(layout).map(({ from }) => [neuronPlace(from), { units: [from.channels], inner: from.size ** 2 }]));

/** Where everything passes: behind the convolutions between blocks, and at the end of each block. */
export const convNetTrunk = ({ stages }: ConvNetLayout): string[] =>
  stages.flatMap((stage) => {
    if (stage.kind === "maxPool") return [];
    if (stage.kind === "block") return [reluPlace(stage.name)];
    return [stage.residual ? reluPlace(stage.conv.conv) : neuronPlace(stage.conv)];
  });
