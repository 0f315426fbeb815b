import type { RegistryHost } from '@img/spec/registry-host';

/** What a registry may be shown to prove who asks. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A refresh token of the registry's token service. */
  | { readonly kind: 'identity token'; readonly token: string }
  /** A bearer token, sent as it is. */
  | { readonly kind: 'registry token'; readonly token: string };

/** Looks up what is stored for a registry; undefined means that it is asked without credentials. */
export type CredentialSource = (host: RegistryHost) => Promise<Credentials | undefined>;
