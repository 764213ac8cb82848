export { CONFIG_FILE, configOf, loadConfig, parseConfig, readConfigText } from './load.ts';
export type { Config, RoleConfig } from './schema.ts';
export {
  approvalFile,
  approvalHash,
  approvedText,
  arePermissionsApproved,
  isApproved,
  permissionsOf,
  programsOf,
  readApproved,
} from './approval.ts';
export type { Approved } from './approval.ts';
export { projectServers } from './mcp.ts';
export { verifyRules } from './verify-rules.ts';
