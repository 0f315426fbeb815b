import type { BuiltImage } from '@img/builder/build-image';
import type { RepositoryLocation } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import type { Tag } from '@img/spec/tag';
import type { Session } from '../command.ts';
import { PushDestination } from '../copy/push-destination.ts';
import { type PushedImage, type PushImageOptions, pushImage } from '../copy/push-image.ts';

/** The push of a build. What it takes to reach the registry is done while the image is being built. Close it. */
export class BuildPush implements AsyncDisposable {
  readonly #session: Session;
  #location: RepositoryLocation | undefined;
  #destination: PushDestination | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Says where the image will go, as soon as that is known. */
  begin(location: RepositoryLocation, tag: Tag): void {
    this.#location = location;
    this.#destination = new PushDestination(this.#session, location, tag);
  }

  /** Pushes what was built, which is on this host now. */
  async finish(
    host: Host,
    { descriptor, tags }: Pick<BuiltImage, 'descriptor' | 'tags'>,
    options: PushImageOptions,
  ): Promise<PushedImage> {
    const [location, destination] = [this.#location, this.#destination];
    if (location === undefined || destination === undefined) throw new Error('the push was not begun');
    return await pushImage(this.#session, host, { location, descriptor, tags }, { ...options, destination });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#destination?.[Symbol.asyncDispose]();
  }
}
