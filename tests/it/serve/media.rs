//! A hosted spot is where its bid says it is.

use std::path::Path;

use super::{Server, folder, request};
use crate::doors::client::get;

#[test]
fn hosted_media_plays_from_the_url_in_the_answer() {
    let folder = folder();
    let campaigns = folder.path().join("campaigns");
    std::fs::remove_file(campaigns.join("one.yaml")).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/catalog/media");
    std::fs::copy(fixtures.join("silence.mp3"), campaigns.join("spot.mp3")).unwrap();
    let text = "advertiser:
  key: hosted
  domains: [hosted.example]
  currency: USD
  campaigns:
    - key: always
      lines:
        - key: all
          bid_cpm: 5
          creatives:
            - crid: hosted-1
              duration: 15
              renditions:
                - file: spot.mp3
";
    std::fs::write(campaigns.join("hosted.yaml"), text).unwrap();
    let server = Server::start(folder.path());
    let mut client = server.client();
    let reply = client.ask(&request("1"));
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let adm = answer["seatbid"][0]["bid"][0]["adm"].as_str().unwrap();
    let at = adm.find("/media/").unwrap_or_else(|| panic!("no media in {adm}"));
    let path = &adm[at..at + "/media/".len() + 64];
    let spot = std::fs::read(campaigns.join("spot.mp3")).unwrap();
    let whole = client.ask(&get(path, ""));
    assert_eq!((whole.status, whole.header("content-type")), (200, Some("audio/mpeg")));
    assert_eq!(whole.body, spot);
    let part = client.ask(&get(path, "Range: bytes=-10\r\n"));
    assert_eq!((part.status, &part.body[..]), (206, &spot[spot.len() - 10..]));
}
