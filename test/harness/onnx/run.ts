/** Runs ONNX files in float64. */
import type { OnnxFile } from "./file.js";
import { Attributes } from "./operator.js";
import { operators as computing } from "./operators.js";
import { shapeOperators } from "./shape-operators.js";
import type { Value } from "./values.js";

const operators = { ...shapeOperators, ...computing };

/** Computes the output of a file of one input. */
export function runOnnx({ nodes, initializers, inputs, outputs }: OnnxFile, input: Value): Value {
  const values = new Map<string, Value>([...initializers, [inputs[0].name, input]]);
  for (const node of nodes) {
    const operands = node.inputs.map((name) => values.get(name)!);
    const results = [operators[node.operator](operands, new Attributes(node), node.outputs.length)].flat();
    for (const [i, name] of node.outputs.entries()) values.set(name, results[i]);
  }
  return values.get(outputs[0].name)!;
}
