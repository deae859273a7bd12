//! The film strip once more as one WebM, where an encoder is installed: for people. What was recorded are the frames.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FFMPEG: &str = "/usr/bin/ffmpeg";
/// How long the last frame stands.
const LAST: u64 = 1_000_000;
const LIST: &str = "film.txt";
const OUT: &str = "film.webm";
/// EBML, with which a WebM begins.
const MAGIC: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

/// An encoder at work, beside what the page still needs; ends with this value.
pub(crate) struct Encoding {
    child: Child,
    folder: PathBuf,
}

impl Encoding {
    /// `frames`: files in `folder` and when each was seen, microseconds. `None`: no encoder here, or nothing to encode.
    pub(crate) fn begin(folder: &Path, frames: &[(&Path, u64)]) -> Option<Self> {
        Self::begin_with(Path::new(FFMPEG), folder, frames)
    }

    fn begin_with(ffmpeg: &Path, folder: &Path, frames: &[(&Path, u64)]) -> Option<Self> {
        if frames.len() < 2 || !ffmpeg.is_file() {
            return None;
        }
        let mut list = String::new();
        for (n, (file, at)) in frames.iter().enumerate() {
            let next = frames.get(n + 1).map_or(at + LAST, |(_, next)| *next);
            // Names of the spool's own: digits alone.
            let name = file.file_name()?.to_str()?;
            let stands = next.saturating_sub(*at) as f64 / 1e6;
            list.push_str(&format!("file '{name}'\nduration {stands:.6}\n"));
        }
        fs::write(folder.join(LIST), list).ok()?;
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--pdeathsig", "KILL", "--no-new-privs", "/usr/bin/nice", "-n", "10"]).arg(ffmpeg);
        // It reads these files and nothing else, and says nothing about time or machine.
        command.args(["-nostdin", "-loglevel", "error", "-protocol_whitelist", "file", "-f", "concat", "-safe", "0"]);
        command.args(["-i", LIST, "-fps_mode", "vfr", "-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-an"]);
        command.args(["-c:v", "libvpx", "-b:v", "800k", "-deadline", "realtime", "-cpu-used", "8", "-threads", "1"]);
        command.args(["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-y", OUT]);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().ok()?;
        Some(Self { child, folder: folder.to_owned() })
    }

    /// The film, or why there is none; it is removed with the folder. At most `wait` from now, at most `most` bytes.
    pub(crate) fn end(mut self, wait: Duration, most: u64) -> Result<File, String> {
        let end = Instant::now() + wait;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
                Ok(None) => return Err(format!("not done within {} s", wait.as_secs())),
                Err(e) => return Err(e.to_string()),
            }
        };
        if !status.success() {
            return Err(format!("the encoder ended with {status}"));
        }
        let path = self.folder.join(OUT);
        let (mut file, mut magic) = (File::open(&path).map_err(|e| e.to_string())?, [0; 4]);
        file.read_exact(&mut magic).map_err(|e| e.to_string())?;
        let size = file.metadata().map_err(|e| e.to_string())?.len();
        if magic != MAGIC || size > most {
            return Err(format!("{size} bytes, of which {most} are taken, beginning with {magic:02x?}"));
        }
        File::open(path).map_err(|e| e.to_string())
    }
}

impl Drop for Encoding {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for name in [LIST, OUT] {
            let _ = fs::remove_file(self.folder.join(name));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn frames(folder: &Path) -> Vec<(PathBuf, u64)> {
        let jpeg = |shade: u8| {
            let mut out = std::io::Cursor::new(Vec::new());
            let picture = image::RgbImage::from_pixel(64, 47, image::Rgb([shade, 90, 30]));
            picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
            out.into_inner()
        };
        let frame = |n: u8| {
            let path = folder.join(format!("{n:06}"));
            fs::write(&path, jpeg(n * 60)).unwrap();
            (path, u64::from(n) * 300_000)
        };
        (0..4).map(frame).collect()
    }

    fn begin(ffmpeg: &str, folder: &Path, frames: &[(PathBuf, u64)]) -> Option<Encoding> {
        let frames: Vec<(&Path, u64)> = frames.iter().map(|(path, at)| (path.as_path(), *at)).collect();
        Encoding::begin_with(Path::new(ffmpeg), folder, &frames)
    }

    #[test]
    fn frames_become_a_film_where_there_is_an_encoder() {
        let folder = tempfile::tempdir().unwrap();
        let frames = frames(folder.path());
        assert!(begin("/usr/bin/no-such-encoder", folder.path(), &frames).is_none());
        assert!(begin(FFMPEG, folder.path(), &frames[..1]).is_none(), "one picture is no film");
        let Some(encoding) = begin(FFMPEG, folder.path(), &frames) else {
            return println!("not run: no {FFMPEG}");
        };
        let mut film = Vec::new();
        encoding.end(Duration::from_secs(30), 1 << 20).unwrap().read_to_end(&mut film).unwrap();
        assert!(film.starts_with(&MAGIC) && film.windows(4).any(|w| w == b"webm"));
        let refused = begin(FFMPEG, folder.path(), &frames).unwrap().end(Duration::from_secs(30), 10);
        assert!(refused.unwrap_err().contains("10 are taken"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing is left but the frames");
    }

    #[test]
    fn an_encoder_that_fails_or_hangs_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let frames = frames(folder.path());
        let failed = begin("/bin/false", folder.path(), &frames).unwrap().end(Duration::from_secs(10), 1);
        assert!(failed.unwrap_err().contains("ended with"));
        let hangs = folder.path().join("hangs");
        fs::write(&hangs, "#!/bin/sh\nexec sleep 60\n").unwrap();
        std::os::unix::fs::symlink(&hangs, folder.path().join("x")).unwrap();
        fs::set_permissions(&hangs, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let waited = begin(hangs.to_str().unwrap(), folder.path(), &frames).unwrap().end(Duration::ZERO, 1);
        assert_eq!(waited.err().unwrap(), "not done within 0 s");
    }
}
