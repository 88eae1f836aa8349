#!/usr/bin/env bash
# Makes the demo's spots and pictures from spots.tsv with free tools: espeak-ng speaks, sox adds
# two plucked notes and trims, ffmpeg evens the loudness (EBU R 128, -16 LUFS) and encodes.
# Run by hand when a text changes; what it makes is committed, so nothing needs these tools to
# build or to test. Needs: espeak-ng sox ffmpeg fonts-dejavu-core (Debian names).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quiet=(-hide_banner -loglevel error -y -nostdin)
rate=16000

notes=(A4 C5 D5 E5 G4 F4)
number=0 fail=0
while IFS=$'\t' read -r key seconds kbps voice speed brand what domain text; do
    wav=$work/$key
    espeak-ng -v "$voice" -s "$speed" -w "$wav.said.wav" -- "$text"
    first=${notes[number % 6]} second=${notes[(number + 2) % 6]}
    number=$((number + 1))
    sox -V1 -n -r $rate -c 1 "$wav.logo.wav" synth 0.45 pluck $first synth 0.45 pluck mix $second \
        fade q 0 0.45 0.3 vol 0.35
    sox -V1 "$wav.said.wav" -r $rate -c 1 "$wav.voice.wav" vol 0.8 highpass 90 \
        silence 1 0.02 0.5% reverse silence 1 0.02 0.5% reverse
    sox -V1 "$wav.logo.wav" "$wav.voice.wav" "$wav.joined.wav"
    length=$(soxi -D "$wav.joined.wav")
    if awk "BEGIN { exit !($length > $seconds) }"; then
        echo "make.sh: $key is $length s long, which does not fit $seconds s" >&2
        fail=1
    fi
    ffmpeg "${quiet[@]}" -i "$wav.joined.wav" -af loudnorm=I=-16:TP=-1.5:LRA=7 -ar $rate \
        "$wav.even.wav"
    # Exactly as long as it says, to the sample.
    sox -V1 "$wav.even.wav" "$wav.wav" pad 0 "$seconds" trim 0 "$((seconds * rate))s"
    tags=(-map_metadata -1 -fflags +bitexact -flags:a +bitexact)
    ffmpeg "${quiet[@]}" -i "$wav.wav" "${tags[@]}" -c:a libmp3lame -b:a "${kbps}k" "$key.mp3"
    ffmpeg "${quiet[@]}" -i "$wav.wav" "${tags[@]}" -c:a libvorbis -b:a 18k "$key.ogg"
    ffmpeg "${quiet[@]}" -i "$wav.wav" "${tags[@]}" -c:a aac -b:a 12k -movflags +faststart \
        "$key.m4a"
done <spots.tsv

# Companions, 300×250: a colour, a name, a line.
font=/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf
picture() {
    local key=$1 colour=$2 name=$3 line=$4
    ffmpeg "${quiet[@]}" -f lavfi -i "color=c=$colour:s=300x250:d=0.04" -frames:v 1 -vf "
        drawbox=x=0:y=180:w=300:h=70:color=white@0.15:t=fill,
        drawtext=fontfile=$font:text='$name':fontsize=34:fontcolor=white:x=(w-tw)/2:y=80,
        drawtext=fontfile=$font:text='$line':fontsize=15:fontcolor=white:x=(w-tw)/2:y=208,
        split[a][b];[a]palettegen=max_colors=32[p];[b][p]paletteuse=dither=none" \
        -fflags +bitexact "$key-300x250.png"
}
picture fleetfoot 0x12355b Fleetfoot 'Run for thirty days'
picture bluebird 0x2b6777 Bluebird 'Roasted on Monday'
picture lumen 0x4a1942 'Lumen' 'July, by the lake'
exit $fail
