// Reads VAST documents with a client that is not ours and prints what it understood.
//
//   node read.mjs FILE…   prints one JSON array, an entry for each file, in order
//
// Run by tests/it/vast. Only words of VAST are used for keys, so that both sides read alike.
import { readFileSync } from "node:fs";
import { DOMParser } from "@xmldom/xmldom";
import { VASTParser } from "@dailymotion/vast-client";

const file = (media) => ({
  url: media.fileURL,
  type: media.mimeType ?? media.type,
  delivery: media.deliveryType ?? media.delivery,
  width: media.width,
  height: media.height,
});

const companion = (variation) => ({
  id: variation.id,
  width: Number(variation.width),
  height: Number(variation.height),
  slot: variation.adSlotId ?? null,
  mode: variation.renderingMode ?? null,
  static: variation.staticResources.map(({ url, creativeType }) => ({ url, type: creativeType })),
  html: variation.htmlResources,
  iframe: variation.iframeResources,
  alt: variation.altText ?? null,
  click: variation.companionClickThroughURLTemplate ?? null,
  clickTracking: variation.companionClickTrackingURLTemplates.map(({ url }) => url),
  tracking: variation.trackingEvents,
});

const linear = (creative) => ({
  milliseconds: Math.round(creative.duration * 1000),
  mediaFiles: creative.mediaFiles.map((media) => ({
    ...file(media),
    bitrate: media.bitrate,
    size: media.fileSize || null,
  })),
  mezzanine: creative.mezzanine ? file(creative.mezzanine) : null,
  tracking: creative.trackingEvents,
  click: creative.videoClickThroughURLTemplate?.url ?? null,
  clickTracking: creative.videoClickTrackingURLTemplates.map(({ url }) => url),
});

const ad = (found) => ({
  id: found.id,
  type: found.adType ?? null,
  servingId: found.adServingId ?? null,
  title: found.title,
  system: found.system?.value ?? null,
  advertiser: found.advertiser?.value ?? found.advertiser ?? null,
  categories: found.categories.map(({ authority, value }) => ({ authority, value })),
  expires: found.expires ?? null,
  impressions: found.impressionURLTemplates.map(({ url }) => url),
  errors: found.errorURLTemplates,
  verifications: found.adVerifications.map((one) => ({
    vendor: one.vendor ?? null,
    script: one.resource,
    framework: one.apiFramework,
    parameters: one.parameters ?? null,
  })),
  universalAdIds: found.creatives.map((creative) =>
    creative.universalAdIds.map(({ idRegistry, value }) => ({ idRegistry, value })),
  ),
  linear: found.creatives.filter(({ type }) => type === "linear").map(linear),
  companions: found.creatives
    .filter(({ type }) => type === "companion")
    .flatMap(({ variations }) => variations.map(companion)),
});

const answers = [];
for (const path of process.argv.slice(2)) {
  const document = new DOMParser().parseFromString(readFileSync(path, "utf8"), "text/xml");
  const response = await new VASTParser().parseVAST(document, {});
  answers.push({ version: response.version, ads: response.ads.map(ad) });
}
process.stdout.write(JSON.stringify(answers));
