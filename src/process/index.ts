export { endTree, type EndTreeOptions, type EndTreeResult } from './end-tree.ts';
export { processesInside, worksInside, type Insider } from './inside.ts';
export { bootId, identityOf, isAlive, type ProcessIdentity } from './identity.ts';
export { listeningPorts } from './listening.ts';
export { findMarked, readMark, type Mark, type MarkedProcess } from './marks.ts';
export type { ProcessRow } from './row.ts';
export { descendants, scanProcesses, type ProcessTable } from './table.ts';
export { continueProcess, stoppedProcess } from './stopped.ts';
export { treeUsage, type TreeUsage } from './usage.ts';
