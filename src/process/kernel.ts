import type { Kernel } from './kernel-types.ts';
import { linuxKernel } from './linux.ts';
import { psKernel } from './ps.ts';

/** The facts about processes of this system. */
export const kernel: Kernel = process.platform === 'linux' ? linuxKernel() : psKernel();
