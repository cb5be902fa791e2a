import { dampedInverseDiagonal } from "../../kernels/cholesky.js";
import { Tensor } from "../../tensor/index.js";
import { obsCompensation } from "../compensate.js";
import { map, statistic } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

const damping = 0.01;

/** [(X^T X + 0.01 mean of its diagonal)^-1]_qq of a layer's inputs. */
const inverseDiagonal = statistic({
  kind: "derived",
  by: {
    name: `inverse diagonal, damping ${damping}`,
    vector: (gpu, moment, columns) => {
      const diagonal = Tensor.empty(gpu, [columns]);
      dampedInverseDiagonal(gpu, { a: moment, diagonal }, { n: columns, damping });
      return diagonal;
    },
  },
});

/** Optimal brain surgeon (Hassibi and Stork 1993) for each layer's outputs (Dong et al. 2017), and the survivors' exact update. */
export const obs = defineSaliency({
  name: "obs",
  formula: "w^2 / (2 [H^-1]_qq), H = X^T X",
  sources: { inverseDiagonal },
  needs: ["weight", "inverseDiagonal", "inputMoment"],
  score: ({ weight, inverseDiagonal: d }) => map("w * w / (2.0 * d)", { w: weight, d }),
  compensate: obsCompensation({ damping }),
});
