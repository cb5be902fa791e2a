import { UsageError } from "../../errors.js";
import { trainingSteps } from "../../train/index.js";
import { criterionByName } from "../criteria/index.js";
import { DENSE } from "../weight-store.js";
import type { ScoringMethod } from "./method.js";

const START = "start";

/** Iterative magnitude pruning (Frankle and Carbin, ICLR 2019): train, prune the smallest, take the others back to where they began, repeat. */
export const imp: ScoringMethod = {
  name: "imp",
  formula: "|w| after training",
  saliency: criterionByName("magnitude"),
  training: ({ data, options, rewindStep = 0 }) => {
    const steps = trainingSteps(data, options);
    if (!Number.isInteger(rewindStep) || rewindStep < 0 || rewindStep >= steps) {
      throw new UsageError(
        `rewind-step: expected one of the ${steps} steps of a training, from 0, got ${rewindStep}; correct it`,
      );
    }
    return {
      prepare: ({ train, keepWeights }) => {
        const onStep = ({ step }: { step: number }) => {
          if (step === rewindStep) keepWeights(START);
        };
        return train(data, options, { onStep });
      },
      finetune: async ({ round, rounds, rewind, train }) => {
        rewind(rewindStep === 0 ? DENSE : START);
        if (round + 1 < rounds) await train(data, { ...options, firstStep: rewindStep });
      },
    };
  },
};
