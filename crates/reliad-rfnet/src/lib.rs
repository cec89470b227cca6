//! The judge RFNet, its encoders, the depth and saliency networks, the one preprocessing.
