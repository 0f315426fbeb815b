/**
 * The configuration of an OCI runtime (runtime-spec 1.2, config.md and config-linux.md): the part of it that a
 * bundle of ours uses. Every runtime since version 1.0.2 of the specification understands all of it.
 */
export type RuntimeConfig = {
  readonly ociVersion: string;
  readonly process: RuntimeProcess;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname: string;
  /** In the order in which they are made. */
  readonly mounts: readonly RuntimeMount[];
  readonly hooks?: {
    readonly poststart?: readonly RuntimeHook[];
    readonly poststop?: readonly RuntimeHook[];
  };
  readonly annotations: { readonly [key: string]: string };
  readonly linux: RuntimeLinux;
};

export type RuntimeProcess = {
  readonly terminal: boolean;
  readonly user: RuntimeUser;
  readonly args: readonly string[];
  /** `NAME=value` each, every name once. */
  readonly env: readonly string[];
  /** An absolute path. */
  readonly cwd: string;
  readonly capabilities: RuntimeCapabilities;
  readonly rlimits: readonly RuntimeLimit[];
  readonly noNewPrivileges: boolean;
};

export type RuntimeUser = {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
};

/** Names as in capabilities(7), for example `CAP_KILL`. */
export type RuntimeCapabilities = {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
};

export type RuntimeLimit = { readonly type: string; readonly soft: number; readonly hard: number };

export type RuntimeMount = {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
};

export type RuntimeHook = {
  /** An absolute path on the host. */
  readonly path: string;
  /** With the program's name first. */
  readonly args: readonly string[];
};

export type RuntimeNamespace = {
  readonly type: 'pid' | 'network' | 'ipc' | 'uts' | 'mount' | 'cgroup' | 'user';
  /** Where one is that there is already; a new one unless given. */
  readonly path?: string;
};

export type RuntimeLinux = {
  readonly namespaces: readonly RuntimeNamespace[];
  /** Where it is below the root of each hierarchy; wherever the runtime can make one, unless given. */
  readonly cgroupsPath?: string;
  readonly resources: RuntimeResources;
  readonly sysctl: { readonly [key: string]: string };
  /** Besides those that every container has. */
  readonly devices?: readonly RuntimeDevice[];
  /** Every system call is allowed without it. */
  readonly seccomp?: Seccomp;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
};

export type RuntimeResources = {
  readonly devices: readonly DeviceRule[];
  readonly memory?: { readonly limit: number };
  /** Quota and period are microseconds. */
  readonly cpu?: { readonly quota: number; readonly period: number };
  readonly pids?: { readonly limit: number };
};

/** A later rule wins; without type and numbers it is about all devices. */
export type DeviceRule = {
  readonly allow: boolean;
  readonly access: string;
  readonly type?: 'b' | 'c';
  readonly major?: number;
  readonly minor?: number;
};

/** A device file in the container. */
export type RuntimeDevice = {
  readonly path: string;
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** The permissions as a number. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
};

export type Seccomp = {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
};

export type SeccompAction = 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';

export type SeccompRule = {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  readonly errnoRet?: number;
  /** All must hold. */
  readonly args?: readonly SeccompArgument[];
};

export type SeccompArgument = {
  readonly index: number;
  /** The number to compare with; for `SCMP_CMP_MASKED_EQ` the mask. */
  readonly value: number;
  /** For `SCMP_CMP_MASKED_EQ` what must be left under the mask. */
  readonly valueTwo?: number;
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_MASKED_EQ';
};
