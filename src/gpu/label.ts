/** Labels of what this library makes on a device, by which its faults can be told from those of a host on the same device. */
const PREFIX = "secateur:";

export const label = (name: string): string => `${PREFIX}${name}`;

/** Whether a message of the device names an object of ours. */
export const isOurs = (message: string): boolean => message.includes(PREFIX);
