import { CodedError } from '@img/spec/coded-error';

/** Everything that running an image on this host may fail with on purpose. */
export type RuntimeErrorCode =
  // The host.
  | 'HOST_STOPPING'
  | 'HOST_UNSUPPORTED'
  | 'ROOT_REQUIRED'
  | 'RUNTIME_FAILED'
  | 'RUNTIME_LACKS'
  | 'RUNTIME_MISSING'
  | 'SUBORDINATE_IDS_MISSING'
  | 'SYSTEM_CALL_FAILED'
  | 'TERMINAL_REQUIRED'
  | 'USER_NAMESPACE_FAILED'
  // From image config to runtime config.
  | 'COMMAND_MISSING'
  | 'COMMAND_NOT_FOUND'
  | 'ENVIRONMENT_INVALID'
  | 'GROUP_UNKNOWN'
  | 'HOSTNAME_INVALID'
  | 'INSECURE_INVALID'
  | 'LIMIT_INVALID'
  | 'MOUNT_INVALID'
  | 'PLATFORM_MISMATCH'
  | 'PROFILE_REFUSED'
  | 'SECRET_INVALID'
  | 'SIGNAL_UNKNOWN'
  | 'USER_INVALID'
  | 'USER_UNKNOWN'
  | 'WORKING_DIR_INVALID'
  // The network of a container.
  | 'NETWORK_FAILED'
  | 'NETWORK_INVALID'
  | 'NETWORK_MISSING'
  | 'NETWORK_STUCK'
  | 'PORT_INVALID'
  | 'PORT_TAKEN'
  // Archives of layers, and what is in them.
  | 'ARCHIVE_INVALID'
  | 'ARCHIVE_LIMIT'
  | 'ARCHIVE_TRUNCATED'
  | 'ARCHIVE_UNSUPPORTED'
  | 'ENTRY_ATTRIBUTE_INVALID'
  | 'ENTRY_DEVICE_INVALID'
  | 'ENTRY_LINK_INVALID'
  | 'ENTRY_PATH_INVALID'
  | 'ENTRY_THROUGH_LINK'
  | 'ENTRY_WHITEOUT_INVALID'
  // What is stored of them on the host.
  | 'LAYER_DAMAGED'
  | 'LAYER_MISMATCH'
  | 'LAYER_MISSING'
  | 'OWNER_UNMAPPED'
  | 'STORE_FULL'
  | 'TREE_DAMAGED'
  | 'TREE_FILE_INVALID'
  | 'TREE_LIMIT'
  | 'TREE_MISSING'
  // Installed apps.
  | 'APP_BUSY'
  | 'APP_EXISTS'
  | 'APP_INVALID'
  | 'APP_UNHEALTHY'
  | 'APP_UNKNOWN'
  | 'GENERATION_UNKNOWN'
  | 'UPDATE_ROLLED_BACK'
  // State and trust.
  | 'CONTAINER_ATTACHED'
  | 'CONTAINER_ENDED'
  | 'CONTAINER_NAME_INVALID'
  | 'CONTAINER_NAME_TAKEN'
  | 'CONTAINER_RUNNING'
  | 'CONTAINER_STUCK'
  | 'CONTAINER_UNKNOWN'
  // What is copied between them and the host.
  | 'COPY_FAILED'
  | 'COPY_REFUSED'
  | 'FILE_CHANGED'
  | 'FILE_UNKNOWN'
  | 'IMAGE_DAMAGED'
  | 'IMAGE_MISSING'
  | 'IMAGE_UNSUPPORTED'
  | 'NOT_TRUSTED'
  | 'STATE_INVALID'
  | 'TRUST_MEMORY_INVALID'
  | 'TRUST_POLICY_INVALID';

/** An image that can't be run as asked, or a host that can't run it. */
export class RuntimeError extends CodedError<RuntimeErrorCode> {
  override readonly name = 'RuntimeError';
}
