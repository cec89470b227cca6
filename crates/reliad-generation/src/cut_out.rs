//! Products cut out of photographs by a saliency network, into files that can be looked at and mended.

use std::path::Path;

use burn::tensor::Device;
use image::buffer::ConvertBuffer as _;
use image::{GrayImage, RgbImage, RgbaImage};
use reliad_imaging::{photograph, resize};
use reliad_pictures::{gray_image, rgb_tensor};
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_weights::ModelDir;

use crate::error::{Error, Result};
use crate::files;
use crate::identity::short;
use crate::product::{Photograph, ProductFile, recordable, title_of};

/// Directory of the cut-outs, below the output directory.
pub const DIRECTORY: &str = "cutouts";
/// Longest side of what the network is shown. It takes less by itself; this bounds the memory.
const SHOWN_SIDE: u32 = 1024;

/// A saliency network that tells products from grounds.
#[derive(Debug)]
pub struct CutOut {
    network: SaliencyNetwork,
    digest: String,
    device: Device,
}

impl CutOut {
    /// Loads a saliency network from its component directory.
    ///
    /// # Errors
    /// [`Error::Judge`] when it can't be loaded.
    pub fn of_component(dir: &ModelDir, device: &Device) -> Result<Self> {
        let network = SaliencyNetwork::load(dir, device)?;
        let mut digest = blake3::Hasher::new();
        let mut files = dir.files()?;
        files.sort();
        for file in files.iter().filter(|file| !file.ends_with(".md")) {
            digest.update(format!("{}  {file}\n", dir.digest(file)?).as_bytes());
        }
        Ok(Self {
            network,
            digest: digest.finalize().to_hex().to_string(),
            device: device.clone(),
        })
    }

    /// Loads the weights of a U2-Net of any size, as they are published.
    ///
    /// # Errors
    /// [`Error::Judge`] when they can't be loaded, [`Error::Read`] when they can't be read.
    pub fn of_file(path: &Path, device: &Device) -> Result<Self> {
        Ok(Self {
            network: SaliencyNetwork::load_file(path, device)?,
            digest: files::hash_file(path)?,
            device: device.clone(),
        })
    }

    /// The product in a photograph, cut out into `folder`. What an earlier call left there for the same photograph and
    /// network is taken as it is, with whatever was mended in it.
    ///
    /// # Errors
    /// [`Error::Imaging`] when the photograph can't be read or no product is found in it, [`Error::Name`] when a manifest
    /// couldn't hold its path, [`Error::Write`].
    pub fn product(
        &self,
        photograph: &Path,
        title: Option<&str>,
        folder: &Path,
    ) -> Result<ProductFile> {
        let from = Photograph {
            path: recordable(photograph)?,
            blake3: files::hash_file(photograph)?,
            saliency: self.digest.clone(),
        };
        let key = files::hash(format!("{} {}", from.blake3, from.saliency).as_bytes());
        let stem = photograph.file_stem().unwrap_or_default();
        let name = format!("{}-{}.png", stem.to_string_lossy(), short(&key));
        let file = folder.join(name);
        let warning = match file.exists() {
            true => None,
            false => {
                let photo = reliad_imaging::open(photograph)?;
                let cut = self.cut(photograph, &photo.picture.into_rgba8())?;
                files::write_atomic(&file, &files::encode_png(&cut)?)?;
                photo.warning
            }
        };
        let title = title.map_or_else(|| title_of(photograph), str::to_owned);
        let mut product = ProductFile::open(&file, Some(&title))?;
        product.photograph = Some(from);
        product.warnings.extend(warning);
        Ok(product)
    }

    /// The product in a photograph.
    fn cut(&self, path: &Path, photo: &RgbaImage) -> Result<RgbaImage> {
        let rgb: RgbImage = photo.convert();
        let (width, height) = resize::within(rgb.dimensions(), SHOWN_SIDE);
        let saliency = self.saliency(&resize::rgb(&rgb, width, height))?;
        photograph::cut_out(photo, &saliency).map_err(|problem| {
            let path = path.to_owned();
            reliad_imaging::Error::File { path, problem }.into()
        })
    }

    fn saliency(&self, picture: &RgbImage) -> Result<GrayImage> {
        let map = self.network.estimate(rgb_tensor(picture, &self.device));
        gray_image(&map).map_err(|error| Error::Judge(error.into()))
    }
}
