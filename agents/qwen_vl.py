"""Qwen-VL (2, 2.5 and 3) as a policy: a language model whose prompts hold pictures."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from PIL import Image
from qwen_vl_utils import process_vision_info
from torch import Tensor
from torch.nn.functional import linear
from transformers import AutoModelForImageTextToText, AutoProcessor

from agents.batch import Prompts
from agents.language_model import LanguageModel


class PatchProduct(torch.nn.Conv3d):
    """The convolution that embeds patches, whose kernel is one whole patch: as what it is, a product of matrices.

    The same weights under the same names; as a convolution it takes three times as long, and far more on some GPUs.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Patches (N, C, T, H, W) to (N, D, 1, 1, 1)."""
        return linear(input.flatten(1), self.weight.flatten(1), self.bias)[..., None, None, None]


class QwenVL(LanguageModel):
    """A Qwen-VL checkpoint (or a tiny model) that answers questions about pictures, or about none.

    Args:
        model: a `Qwen2VLForConditionalGeneration`, `Qwen2_5_VL...` or `Qwen3VL...`.
        processor: its processor, which has a chat template.
        max_new_tokens: the longest answer.

    Raises:
        ValueError: as for `LanguageModel`, or a processor without a chat template.
    """

    model_class = AutoModelForImageTextToText
    processor_class = AutoProcessor

    def __init__(self, model: Any, processor: Any, max_new_tokens: int = 16) -> None:
        if processor.chat_template is None:
            raise ValueError("its processor has no chat template, which places the pictures in a prompt")
        super().__init__(model, processor, max_new_tokens)
        self.patch_size: int = processor.image_processor.patch_size
        self.merge_size: int = processor.image_processor.merge_size
        model.model.visual.patch_embed.proj.__class__ = PatchProduct
        self._layout: tuple[Any, Tensor, Tensor, Tensor] | None = None

    def limit_pixels(self, most: int) -> None:
        """Scale larger pictures down to `most` pixels, from here on and wherever the processor is saved to.

        Raises:
            ValueError: fewer than one merged patch has.
        """
        patch = (self.patch_size * self.merge_size) ** 2
        if most < patch:
            raise ValueError(f"--max-pixels must be at least {patch}, one merged patch of this model, got {most}")
        least = min(self.processor.image_processor.size["shortest_edge"], most)
        self.processor.image_processor.size = {"shortest_edge": least, "longest_edge": most}

    def shown_size(self, height: int, width: int) -> tuple[int, int]:
        """The size at which the model sees a picture of `height` x `width` pixels, after resampling."""
        prompts = self.prepare([""], [np.zeros((height, width, 3), np.uint8)])
        _, rows, columns = prompts.picture_inputs["image_grid_thw"][0].tolist()
        return rows * self.patch_size, columns * self.patch_size

    @torch.no_grad()
    def count_features(self, prompts: Prompts) -> int:
        """How many features the vision tower makes of the prompts' pictures, of which there are some."""
        counted = []
        visual, pixels = self.model.model.visual, prompts.picture_inputs
        counter = visual.merger.register_forward_hook(lambda module, inputs, output: counted.append(len(output)))
        try:
            visual(pixels["pixel_values"].to(self.model.dtype), grid_thw=pixels["image_grid_thw"])
        finally:
            counter.remove()
        return counted[-1]

    def _tokenise(self, texts: list[str], pictures_P: list[list[np.ndarray]]) -> Prompts:
        images = self._read_pictures(pictures_P) if any(pictures_P) else None
        key = (tuple(texts), tuple(image.size for image in images or ()))
        if self._layout is None or self._layout[0] != key:
            self._layout = (key, *self._lay_out(texts, images))
        _, input_ids_PS, mask_PS, position_ids = self._layout
        pictures: dict[str, Tensor] = {}
        if images:
            pictures = self.processor.image_processor(images, do_resize=False, return_tensors="pt").to(self.device)
        return Prompts(
            input_ids_PS=input_ids_PS.to(self.device),
            attention_mask_PS=mask_PS.to(self.device),
            position_ids=position_ids.to(self.device),
            pictures_P=torch.tensor([len(own) for own in pictures_P]),
            pixel_values=pictures.get("pixel_values"),
            image_grid_thw=pictures.get("image_grid_thw"),
        )

    def _lay_out(self, texts: list[str], images: list[Image.Image] | None) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens (P, S), their mask and positions (3, P, S), which follow from the texts and the pictures' sizes.

        A task asks the same question about pictures of one size again and again, so the latest is remembered.
        """
        resized = {"do_resize": False} if images else {}  # the pictures have their size already
        inputs = self.processor(text=texts, images=images, padding=True, return_tensors="pt", **resized).to(self.device)
        position_ids, _ = self.model.model.get_rope_index(
            inputs["input_ids"],
            mm_token_type_ids=inputs["mm_token_type_ids"],
            image_grid_thw=inputs.get("image_grid_thw"),
            attention_mask=inputs["attention_mask"],
        )
        return inputs["input_ids"], inputs["attention_mask"].bool(), position_ids

    def _apply_chat_template(self, prompt: str, pictures: int) -> str:
        for token in (self.processor.image_token, self.processor.video_token):
            if token in prompt:
                raise ValueError(f"a prompt holds {token}, which the model keeps for pictures: {prompt[:80]!r}")
        messages = _messages(["placeholder"] * pictures, prompt)
        text = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        if text.count(self.processor.image_token) != pictures:
            raise ValueError(
                f"the chat template has {text.count(self.processor.image_token)} places ({self.processor.image_token}) "
                f"for {pictures} pictures; take the one that was published with the model"
            )
        return text

    def _read_pictures(self, pictures_P: list[list[np.ndarray]]) -> list[Image.Image]:
        """All pictures in order, resampled to whole merged patches of this family's size."""
        for picture in (picture for pictures in pictures_P for picture in pictures):
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                raise ValueError(f"a picture is a uint8 array (H, W, 3), got {picture.dtype} {picture.shape}")
        size = self.processor.image_processor.size
        bounds = {"min_pixels": size["shortest_edge"], "max_pixels": size["longest_edge"]}
        conversations = [_messages(map(Image.fromarray, pictures), "", **bounds) for pictures in pictures_P]
        images, _ = process_vision_info(conversations, image_patch_size=self.patch_size)
        return images

    def _never_sampled(self) -> list[int]:
        """A sampled vision token would stand in the learner's input without a picture behind it."""
        config = self.model.config
        vision = (
            config.image_token_id,
            config.video_token_id,
            config.vision_start_token_id,
            config.vision_end_token_id,
        )
        return sorted({*super()._never_sampled(), *vision})


def _messages(images: Iterable[Any], prompt: str, **bounds: int) -> list[dict]:
    parts = [{"type": "image", "image": image, **bounds} for image in images]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": prompt}]}]
