"""OpenTelemetry traces and logs of AI agents (OTLP JSON and protobuf, span tables) as events.

Read ``source`` first; ``containers`` takes files apart, ``wire`` decodes protobuf, ``attributes``
reads values, ``kinds`` knows the conventions' words, ``mapping`` and ``opinions`` give them meaning.
"""

from candor.sources.otel.source import OpenTelemetry

__all__ = ["OpenTelemetry"]
