"""Qwen-VL as a policy: load, prepare, generate, log-probabilities; a group's prompt is computed once.

The G answers to one problem share a long prompt (image tokens and question). `generate` and `log_probabilities` both
pack k of them behind one copy of the prompt, `[prompt | answer 1 | ... | answer k]`, under a mask that hides them from
each other; k is G for short answers, fewer for long ones. Both equal the plain computation to rounding.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from qwen_vl_utils import process_vision_info
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoProcessor, DynamicCache

from agents.batch import Answers, Prompts, draw
from agents.packing import decode_mask, packed_answers, packed_mask

# The logit of a token that may not be sampled: its probability is exactly 0, and 0 · log 0 stays a number.
NEVER = -1e4


class QwenVL:
    """A Qwen-VL checkpoint (or the tiny model) that answers questions about pictures.

    Args:
        model: a `Qwen2_5_VLForConditionalGeneration`.
        processor: its processor; the tokenizer must have a chat template.
        max_new_tokens: the longest answer.
    """

    def __init__(self, model: Any, processor: Any, max_new_tokens: int = 16) -> None:
        self.model = model
        self.processor = processor
        self.max_new_tokens = max_new_tokens
        self.tokenizer = processor.tokenizer
        self.tokenizer.padding_side = "left"
        self.patch_size: int = processor.image_processor.patch_size
        self.merge_size: int = processor.image_processor.merge_size
        end = model.generation_config.eos_token_id
        self.end_ids = sorted({self.tokenizer.eos_token_id, *(end if isinstance(end, list) else [end])} - {None})
        self.pad_id: int = self.tokenizer.pad_token_id
        config = model.config
        # A sampled vision token would stand in the learner's input without a picture behind it.
        self.never_sampled = [
            config.image_token_id,
            config.video_token_id,
            config.vision_start_token_id,
            config.vision_end_token_id,
        ]
        self._chat_texts: dict[tuple[str, bool], str] = {}

    @classmethod
    def load(cls, checkpoint: str, max_new_tokens: int = 16, dtype: torch.dtype = torch.float32) -> "QwenVL":
        """Load a Hugging Face folder or hub id, with the processor saved beside the weights."""
        model = AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=dtype, attn_implementation="sdpa")
        return cls(model, AutoProcessor.from_pretrained(checkpoint), max_new_tokens)

    def to(self, device: str | torch.device) -> "QwenVL":
        """Move the weights."""
        self.model.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    def prepare(self, prompts: Sequence[str], images: Sequence[np.ndarray] | None) -> Prompts:
        """Tokenise P questions, each about one picture.

        Args:
            prompts: the questions.
            images: P uint8 arrays (H, W, 3), or None for questions without a picture.
        """
        texts = [self._chat_text(prompt, images is not None) for prompt in prompts]
        pictures = None if images is None else self._read_pictures(prompts, images)
        inputs = self.processor(text=texts, images=pictures, padding=True, return_tensors="pt").to(self.device)
        position_ids, _ = self.model.model.get_rope_index(
            inputs["input_ids"],
            mm_token_type_ids=inputs["mm_token_type_ids"],
            image_grid_thw=inputs.get("image_grid_thw"),
            attention_mask=inputs["attention_mask"],
        )
        return Prompts(
            input_ids_PS=inputs["input_ids"],
            attention_mask_PS=inputs["attention_mask"].bool(),
            position_ids=position_ids,
            pixel_values=inputs.get("pixel_values"),
            image_grid_thw=inputs.get("image_grid_thw"),
        )

    def _chat_text(self, prompt: str, has_image: bool) -> str:
        """The whole prompt as text; kept, because a task asks the same question about every picture."""
        key = (prompt, has_image)
        if key not in self._chat_texts:
            messages = self._messages(prompt, "placeholder" if has_image else None)
            if len(self._chat_texts) > 4096:
                self._chat_texts.clear()
            self._chat_texts[key] = self.processor.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
        return self._chat_texts[key]

    @staticmethod
    def _messages(prompt: str, image: Any) -> list[dict]:
        picture = [] if image is None else [{"type": "image", "image": image}]
        return [{"role": "user", "content": [*picture, {"type": "text", "text": prompt}]}]

    def _read_pictures(self, prompts: Sequence[str], images: Sequence[np.ndarray]) -> list[Image.Image]:
        conversations = [
            self._messages(prompt, Image.fromarray(image)) for prompt, image in zip(prompts, images, strict=True)
        ]
        pictures, _ = process_vision_info(conversations, image_patch_size=self.patch_size)
        return pictures

    @torch.no_grad()
    def generate(
        self,
        prompts: Prompts,
        group_size: int = 1,
        temperature: float = 1.0,
        uniforms_BT: Tensor | None = None,
    ) -> Answers:
        """Answer each prompt `group_size` times.

        Args:
            prompts: P prepared prompts.
            group_size: G answers to each.
            temperature: divides the logits.
            uniforms_BT: the randomness, float64 in [0, 1), (P·G, at least `max_new_tokens`): member b's token t is
                drawn by `uniforms_BT[b, t]`, whatever stands beside it in the batch. None: the most likely token.
        """
        k = packed_answers(group_size, self.max_new_tokens)
        cache = DynamicCache(config=self.model.config.get_text_config())
        hidden_PSD = self._hidden(prompts.input_ids_PS, prompts, prompts.position_ids, past_key_values=cache)
        logits_BV = self._logits(hidden_PSD[:, -1], temperature).repeat_interleave(group_size, dim=0)
        cache.batch_repeat_interleave(group_size // k)
        position_N = prompts.next_position_P.repeat_interleave(group_size // k)
        prompt_mask_NS = prompts.attention_mask_PS.repeat_interleave(group_size // k, dim=0)
        end_ids = torch.tensor(self.end_ids, device=self.device)
        running_B = torch.ones(len(logits_BV), dtype=torch.bool, device=self.device)
        ids, masks, logps = [], [], []
        for t in range(self.max_new_tokens):
            logp_BV = logits_BV.log_softmax(-1)
            token_B = logp_BV.argmax(-1) if uniforms_BT is None else draw(logp_BV, uniforms_BT[:, t])
            logps.append(logp_BV.gather(-1, token_B[:, None])[:, 0].where(running_B, 0.0))
            token_B = token_B.where(running_B, self.pad_id)
            ids.append(token_B)
            masks.append(running_B)
            running_B = running_B & ~torch.isin(token_B, end_ids)
            if t + 1 == self.max_new_tokens or not running_B.any():
                break
            hidden_NkD = self.model.model(
                input_ids=token_B.view(-1, k),
                attention_mask=decode_mask(prompt_mask_NS, k, t + 1),
                position_ids=(position_N + t)[None, :, None].expand(3, -1, k),
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state
            logits_BV = self._logits(hidden_NkD.flatten(0, 1), temperature)
        return Answers(torch.stack(ids, 1), torch.stack(masks, 1), torch.stack(logps, 1))

    def log_probabilities(
        self, prompts: Prompts, ids_BT: Tensor, mask_BT: Tensor, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Log-probability of every answer token, and the entropy (nats) of the distribution it was drawn from.

        The answers to one prompt stand packed behind it: `[prompt | answer 1 | ... | answer k]`, with position ids
        that restart after the prompt, and a mask under which an answer sees the prompt and itself only.

        Args:
            prompts: P prompts.
            ids_BT: answers, B = P·G, group after group, right-padded.
            mask_BT: True on the tokens that count.
            temperature: as in `generate`.

        Returns:
            two (B, T) float32 tensors, 0 where `mask_BT` is False, with gradients if they are enabled.
        """
        B, T = ids_BT.shape
        G = B // len(prompts)
        k = packed_answers(G, T)
        if k < G:
            prompts = prompts.select(torch.arange(len(prompts)).repeat_interleave(G // k))
        P, S = prompts.input_ids_PS.shape
        inputs_BU = ids_BT[:, :-1]  # the last token of an answer predicts nothing
        U = T - 1
        answer_position_PA = prompts.next_position_P[:, None] + torch.arange(U, device=ids_BT.device).repeat(k)
        hidden_PLD = self._hidden(
            torch.cat([prompts.input_ids_PS, inputs_BU.reshape(P, k * U)], dim=1),
            prompts,
            torch.cat([prompts.position_ids, answer_position_PA.expand(3, -1, -1)], dim=2),
            attention_mask=packed_mask(prompts.attention_mask_PS, k, U),
        )
        # Token t of an answer is predicted one place before it; token 0 at the end of the shared prompt.
        first = hidden_PLD[:, None, S - 1 : S].expand(-1, k, -1, -1)
        later = hidden_PLD[:, S:].unflatten(1, (k, U))
        hidden_BTD = torch.cat([first, later], dim=2).reshape(B, T, -1)
        logp_NV = self._logits(hidden_BTD[mask_BT], temperature).log_softmax(-1)
        logp_N = logp_NV.gather(-1, ids_BT[mask_BT][:, None])[:, 0]
        entropy_N = -(logp_NV.exp() * logp_NV).sum(-1)
        zeros = torch.zeros(B, T, device=ids_BT.device)
        return zeros.masked_scatter(mask_BT, logp_N), zeros.masked_scatter(mask_BT, entropy_N)

    def _hidden(self, input_ids: Tensor, prompts: Prompts, position_ids: Tensor, **kwargs: Any) -> Tensor:
        kwargs.setdefault("attention_mask", prompts.attention_mask_PS if prompts.padded else None)
        return self.model.model(
            input_ids=input_ids,
            position_ids=position_ids,
            pixel_values=prompts.pixel_values,
            image_grid_thw=prompts.image_grid_thw,
            use_cache="past_key_values" in kwargs,
            **kwargs,
        ).last_hidden_state

    def _logits(self, hidden: Tensor, temperature: float) -> Tensor:
        """Logits (..., V) of the distribution that is sampled: vision tokens masked, temperature applied."""
        logits = self.model.lm_head(hidden).float() / temperature
        logits[..., self.never_sampled] = NEVER
        return logits

    def decode(self, answers: Answers) -> list[str]:
        """The B answers as text, without special tokens."""
        ids = [row[mask].tolist() for row, mask in zip(answers.ids_BT.cpu(), answers.mask_BT.cpu(), strict=True)]
        return self.tokenizer.batch_decode(ids, skip_special_tokens=True)

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Texts as answers that end their turn: ids (B, T), right-padded, and the mask of their tokens."""
        rows = [[*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.end_ids[0]] for text in texts]
        T = max(map(len, rows))
        ids = torch.tensor([row + [self.pad_id] * (T - len(row)) for row in rows], device=self.device)
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        return ids, torch.arange(T, device=self.device) < lengths[:, None]

    def respond(self, observations: Mapping[str, Any], infos: Mapping[str, Any]) -> list[str]:
        """Greedy answers to a batch of observations (see `agents.policy.Policy`)."""
        return self.decode(self.generate(self.prepare(observations["prompt"], observations.get("image"))))
