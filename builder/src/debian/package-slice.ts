import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

/** A part of a package that does most of what the whole is used for. */
export type PackageSlice = {
  /** What it is good for, and what not. */
  readonly reason: string;
  /** Paths of what is left out, as they are in a layer. */
  readonly drops: RegExp;
  /** Names of packages that only what is left out needs. */
  readonly without: RegExp;
};

/** By names of packages, and what an img.yaml calls the part after a slash: `openjdk-21-jre-headless/core`. */
const slices: readonly { readonly packages: RegExp; readonly name: string; readonly slice: PackageSlice }[] =
  [
    {
      packages: /^openjdk-\d+-jre-headless$/,
      name: 'core',
      slice: {
        reason:
          'runs servers and programs of the command line; without images, fonts, printers, sound and smart cards ' +
          '(the native half of java.desktop and java.smartcardio), what only javac --release reads, and the archive ' +
          'of classes that is of use to heaps above 32 GB alone',
        drops:
          /^usr\/lib\/jvm\/[^/]+\/lib\/(?:ct\.sym|server\/classes_nocoops\.jsa|lib(?:awt|awt_headless|fontmanager|freetype|j2pcsc|javajpeg|jsound|lcms|mlib_image)\.so)$/,
        without:
          /^(?:libasound2(?:t64)?|libcups2(?:t64)?|libfontconfig1|libfreetype6|libharfbuzz0b|libjpeg62-turbo|libjpeg-turbo8|liblcms2-2|libnss3|libpcsclite1|util-linux)$/,
      },
    },
  ];

/** What an img.yaml asks for: the name of a package and the part of it; undefined for the whole. */
export function parsePackageWish(text: string): {
  readonly name: string;
  readonly slice: string | undefined;
} {
  const slash = text.indexOf('/');
  if (slash < 0) return { name: text, slice: undefined };
  return { name: text.slice(0, slash), slice: text.slice(slash + 1) };
}

/**
 * The packages of which only a part is asked for, and that part's name. Who asks for the whole as well gets it.
 *
 * @throws BuilderError PACKAGE_UNKNOWN if a package has no such part
 */
export function wishedSlices(texts: readonly string[]): ReadonlyMap<string, string> {
  const wished = new Map<string, string>();
  const wishes = texts.map(parsePackageWish);
  for (const { name, slice } of wishes) {
    if (slice === undefined || wishes.some((other) => other.name === name && other.slice !== slice)) continue;
    if (findSlice(name, slice) === undefined) throw unknownSlice(name, slice);
    wished.set(name, slice);
  }
  return wished;
}

/** A part of a package; undefined if the package has no such part. */
export function findSlice(packageName: string, name: string): PackageSlice | undefined {
  return slices.find((each) => each.name === name && each.packages.test(packageName))?.slice;
}

function unknownSlice(packageName: string, name: string): BuilderError {
  const known = slices.filter(({ packages }) => packages.test(packageName)).map((each) => each.name);
  return new BuilderError('PACKAGE_UNKNOWN', `${packageName} has no part ${quote(name)}`, {
    hint:
      known.length > 0
        ? `its parts are: ${known.join(', ')}`
        : `write ${packageName} alone; openjdk-21-jre-headless and the like have a part, core`,
  });
}
