/** What a person can do when no adapter is found, by system. */
const REMEDIES: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    "install a GPU driver with Vulkan, or a software one: Ubuntu 24.04 and Debian 13 `sudo apt install mesa-vulkan-drivers libvulkan1`; " +
    "Debian 12 the same with `-t bookworm-backports`; without root `npm install @sparticuz/chromium` (Linux x64)",
  darwin: "macOS needs a Mac with Metal and macOS 12 or later; virtual machines need GPU pass-through",
  win32: "Windows needs a GPU driver with Direct3D 12; update it through Windows Update or the vendor's site",
};

/** One line for the system at hand. */
export const remedies = (system: NodeJS.Platform = process.platform): string =>
  REMEDIES[system] ?? `no build of Dawn exists for ${system}: use Linux, macOS or Windows, or a browser with WebGPU`;
