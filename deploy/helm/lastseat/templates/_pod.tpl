{{/* The pods of both modes. */}}
{{- define "lastseat.pod" -}}
metadata:
  labels:
    {{- include "lastseat.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "lastseat.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: lastseat
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      env:
        - { name: LASTSEAT_LISTEN, value: "0.0.0.0:8080" }
        # Not the mount itself: the program makes this directory, for its owner only.
        - { name: LASTSEAT_DATA, value: /data/lastseat }
        {{- if .Values.tokenKey.existingSecret }}
        - { name: LASTSEAT_TOKEN_KEY, value: /keys/token.key }
        {{- end }}
        {{- if .Values.ticketKey.existingSecret }}
        - { name: LASTSEAT_TICKET_KEY, value: /ticket-keys/ticket.key }
        {{- end }}
        {{- range $name, $value := include "lastseat.settings" . | fromYaml }}
        - name: LASTSEAT_{{ upper $name }}
          value: {{ include "lastseat.value" $value | quote }}
        {{- end }}
      {{- with .Values.existingSecret }}
      envFrom:
        - secretRef: { name: {{ . | quote }} }
      {{- end }}
      ports:
        - { name: http, containerPort: 8080, protocol: TCP }
      # Until it has read the log it gets no requests, and an update does not go on.
      startupProbe:
        httpGet: { path: /health/ready, port: http }
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: {{ div .Values.startSeconds 2 }}
      # Not /health/ready: while the event store is gone no pod is ready, and the service would have nobody to send to.
      # Nodes still answer reads then, and say of a command whether it was done.
      readinessProbe:
        httpGet: { path: /health/live, port: http }
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      livenessProbe:
        httpGet: { path: /health/live, port: http }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- if .Values.preStopSeconds }}
      lifecycle:
        preStop:
          sleep: { seconds: {{ .Values.preStopSeconds }} }
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: data, mountPath: /data }
        # Views that can't be written where they belong, until they can.
        - { name: tmp, mountPath: /tmp }
        {{- if .Values.tokenKey.existingSecret }}
        - { name: token-key, mountPath: /keys, readOnly: true }
        {{- end }}
        {{- if .Values.ticketKey.existingSecret }}
        - { name: ticket-key, mountPath: /ticket-keys, readOnly: true }
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if eq .Values.mode "cluster" }}
    - name: data
      emptyDir: { sizeLimit: {{ .Values.cluster.dataSizeLimit | quote }} }
    {{- end }}
    {{- with .Values.tokenKey }}{{ if .existingSecret }}
    - name: token-key
      secret:
        secretName: {{ .existingSecret | quote }}
        defaultMode: 0400
        items: [{ key: {{ .key | quote }}, path: token.key }]
    {{- end }}{{ end }}
    {{- with .Values.ticketKey }}{{ if .existingSecret }}
    - name: ticket-key
      secret:
        secretName: {{ .existingSecret | quote }}
        defaultMode: 0400
        items: [{ key: {{ .key | quote }}, path: ticket.key }]
    {{- end }}{{ end }}
  {{- if eq .Values.mode "cluster" }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "lastseat.selector" . | nindent 10 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
