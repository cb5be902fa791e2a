import { choleskyUpper } from "../../kernels/cholesky.js";
import { diagonal } from "../../kernels/damp.js";
import { Tensor } from "../../tensor/index.js";
import { sparseGptCompensation } from "../compensate.js";
import { map, statistic } from "../saliency/expression.js";
import { defineSaliency } from "../saliency/saliency.js";

const damping = 0.01;

/** The diagonal of U, U^T U = (X^T X + 0.01 mean of its diagonal)^-1. */
const factorDiagonal = statistic({
  kind: "derived",
  by: {
    name: `factor diagonal, damping ${damping}`,
    vector: (gpu, moment, columns) => {
      const [u, y] = [Tensor.empty(gpu, [columns, columns]), Tensor.empty(gpu, [columns])];
      choleskyUpper(gpu, { a: moment, u }, { n: columns, damping });
      diagonal(gpu, { a: u, y }, { n: columns });
      return y;
    },
  },
});

/** SparseGPT (Frantar and Alistarh, ICML 2023): its scores before any update, and its sweep over the columns in blocks of 128. */
export const sparseGpt = defineSaliency({
  name: "sparsegpt",
  formula: "(w / U_qq)^2, U^T U = (X^T X)^-1",
  sources: { factorDiagonal },
  needs: ["weight", "factorDiagonal", "inputMoment"],
  score: ({ weight, factorDiagonal: u }) => map("(w / u) * (w / u)", { w: weight, u }),
  compensate: sparseGptCompensation({ damping }),
});
