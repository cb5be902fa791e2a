/** File-system access of the io room, for Node: models and datasets by path, output that is whole or absent. */
export { decodeImage } from "./codecs.js";
export { type OpenDatasetOptions, openDataset, type Split, splitDataPath } from "./dataset.js";
export { readBytes } from "./files.js";
export { loadConfig, loadModel, loadTensors, saveCheckpoint } from "./model.js";
export { checkWritableFile, checkWritableFolder, writeFileAtomic, writeFolder } from "./output.js";
