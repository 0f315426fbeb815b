import type { BuiltImage } from '@img/builder/build-image';
import type { OpenedKept } from '@img/builder/kept/kept-packages';
import type { RepositoryLocation } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import type { Tag } from '@img/spec/tag';
import type { Session } from '../command.ts';
import { PushDestination } from '../copy/push-destination.ts';
import { type PushedImage, type PushImageOptions, pushImage } from '../copy/push-image.ts';

type Begun = { readonly location: RepositoryLocation; readonly destination: PushDestination };

/** The push of a build. What it takes to reach the registry is done while the image is being built. Close it. */
export class BuildPush implements AsyncDisposable {
  readonly #session: Session;
  #begun: Begun | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Says where the image will go, as soon as that is known. */
  begin(location: RepositoryLocation, tag: Tag): void {
    this.#begun = { location, destination: new PushDestination(this.#session, location, tag) };
  }

  /** The repository that it will go to, by the same connection. */
  openKept(): OpenedKept {
    const { target } = this.#goingOn().destination;
    return { place: target, [Symbol.asyncDispose]: async () => undefined };
  }

  /** Pushes what was built, which is on this host now but for the layers that the registry has. */
  async finish(
    host: Host,
    { descriptor, tags, leftLayers }: Pick<BuiltImage, 'descriptor' | 'tags' | 'leftLayers'>,
    options: PushImageOptions,
  ): Promise<PushedImage> {
    const { location, destination } = this.#goingOn();
    const present = new Set(leftLayers.map(({ digest }) => digest));
    const image = { location, descriptor, tags };
    return await pushImage(this.#session, host, image, { ...options, destination, present });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#begun?.destination[Symbol.asyncDispose]();
  }

  #goingOn(): Begun {
    if (this.#begun === undefined) throw new Error('the push was not begun');
    return this.#begun;
  }
}
