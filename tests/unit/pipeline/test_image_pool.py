from __future__ import annotations

import asyncio
import logging

from service.observability.context import log_lines_of
from service.pipeline.admission import Admission, AdmissionLimits
from service.pipeline.image_pool import ImagePool
from tests.support.log_lines import Line, LogLines

LIMITS = AdmissionLimits(requests=8, body_bytes=10**6, megapixels=10, client_share=1)


def test_what_is_logged_in_a_thread_is_of_the_request_that_it_works_for() -> None:
    logger = logging.getLogger("service.test")
    pool = ImagePool(threads=1)

    async def work_for(request_id: str, admission: Admission) -> None:
        with log_lines_of(request_id), admission.open("client") as ticket:
            await pool.run(ticket, logger.warning, "decoding")

    async def scenario() -> None:
        admission = Admission(LIMITS)
        await asyncio.gather(*(work_for(name, admission) for name in ("first", "second")))

    with LogLines() as lines:
        asyncio.run(scenario())
    pool.close()
    assert lines == [Line("first", "decoding"), Line("second", "decoding")]
