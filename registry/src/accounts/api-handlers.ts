import type { ApiHandler } from './api-exchange.ts';
import type { ApiRouteId } from './api-routes.ts';
import {
  addMember,
  createOrganisation,
  removeMember,
  removeOrganisation,
  showAccount,
  showMembers,
  showOrganisations,
} from './handlers/organisations.ts';
import { setVisibility, showRepositories } from './handlers/repositories.ts';
import {
  removeOrganisationRetention,
  removeRetention,
  runRetentionNow,
  setOrganisationRetention,
  setRetention,
  showOrganisationRetention,
  showRetention,
} from './handlers/retention.ts';
import { createRobot, removeRobot, showRobots } from './handlers/robots.ts';
import {
  removeOrganisationRule,
  removeRule,
  setOrganisationRule,
  setRule,
  showOrganisationRule,
  showRule,
} from './handlers/rules.ts';
import { showRegistryKey, showSigners } from './handlers/signers.ts';
import { moveTag, removeTag, showTagHistory, showTags } from './handlers/tags.ts';
import { changePassword, createUser, removeUser, resetPassword, showUsers } from './handlers/users.ts';
import { openApiDocument } from './openapi.ts';

/** Who answers which route of the management API. */
export const apiHandlers: { readonly [Id in ApiRouteId]: ApiHandler<Id> } = {
  document: async () => openApiDocument(),
  account: showAccount,
  changePassword,
  listUsers: showUsers,
  createUser,
  resetPassword,
  deleteUser: removeUser,
  listOrganisations: showOrganisations,
  createOrganisation,
  deleteOrganisation: removeOrganisation,
  listMembers: showMembers,
  putMember: addMember,
  deleteMember: removeMember,
  listRobots: showRobots,
  createRobot,
  deleteRobot: removeRobot,
  listRepositories: showRepositories,
  setVisibility,
  listTags: showTags,
  putTag: moveTag,
  deleteTag: removeTag,
  listTagHistory: showTagHistory,
  findRetention: showRetention,
  putRetention: setRetention,
  deleteRetention: removeRetention,
  runRetention: runRetentionNow,
  findOrganisationRetention: showOrganisationRetention,
  putOrganisationRetention: setOrganisationRetention,
  deleteOrganisationRetention: removeOrganisationRetention,
  findRule: showRule,
  putRule: setRule,
  deleteRule: removeRule,
  findOrganisationRule: showOrganisationRule,
  putOrganisationRule: setOrganisationRule,
  deleteOrganisationRule: removeOrganisationRule,
  listSigners: showSigners,
  registryKey: showRegistryKey,
};
