/** Options of searches, which learn what to remove while the weights train, and of the training that mends what is left. */
import type { Command } from "commander";
import { countOption, numberOption } from "../options.js";

export const withSearch = (command: Command): Command =>
  command
    .option(
      "--search-interval <steps>",
      "upop: steps between updates of its gates (default: 100)",
      countOption("search-interval"),
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
