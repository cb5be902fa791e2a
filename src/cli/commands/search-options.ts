/** Options of searches, which learn what to remove while the weights train, and of the training that mends what is left. */
import type { Command } from "commander";
import { choiceOption, countOption, countsOption, numberOption } from "../options.js";

export const withSearch = (command: Command): Command =>
  command
    .option(
      "--search-interval <steps>",
      "upop: steps between updates of its gates (default: 100, or a twentieth of a short search)",
      countOption("search-interval"),
    )
    .option(
      "--count <what>",
      "vtp: what --sparsity is a part of, gates or parameters of the blocks (default: gates, as published)",
      choiceOption("count", ["gates", "parameters"]),
    )
    .option(
      "--penalty <factor>",
      "vtp: of the sum of magnitudes of its gates (default: by the length of the search)",
      numberOption("penalty", { min: 0 }),
    )
    .option(
      "--gate-lr <rate>",
      "vtp: highest learning rate of its gates (default: 0.02)",
      numberOption("gate-lr", { above: 0 }),
    )
    .option(
      "--threshold-lr <rate>",
      "wdpruning: highest learning rate of its thresholds and scores (default: 0.0025, more in short searches)",
      numberOption("threshold-lr", { above: 0 }),
    )
    .option(
      "--exits <depths>",
      "train a classifier also behind so many blocks, such as 4,8; `secateur compact --depth` ends the network at one",
      countsOption("exits"),
    )
    .option(
      "--finetune-epochs <n>",
      "then train what is left so long, as the search trained (default: not at all)",
      numberOption("finetune-epochs", { above: 0 }),
    )
    .option(
      "--finetune-lr <rate>",
      "its highest learning rate (default: --lr)",
      numberOption("finetune-lr", { above: 0 }),
    );
